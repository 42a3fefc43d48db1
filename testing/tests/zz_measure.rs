//! tmp
use std::time::Instant;
#[tokio::test(flavor = "multi_thread")]
async fn measure() {
    let t = Instant::now();
    let Some(mut c) = testing::Cluster::start().await else { return };
    println!("cluster {:?}", t.elapsed());
    let t = Instant::now(); c.stop(); println!("stop {:?}", t.elapsed());
    let t = Instant::now(); c.start_again().await; println!("again {:?}", t.elapsed());
    let t = Instant::now(); drop(c); println!("drop {:?}", t.elapsed());
    let t = Instant::now(); drop(testing::postgres().await); println!("first {:?}", t.elapsed());
    for _ in 0..5 {
    let t = Instant::now(); let d = testing::postgres().await; println!("create {:?}", t.elapsed());
    let t = Instant::now(); drop(d); println!("drop {:?}", t.elapsed());
    }
    let t = Instant::now(); let d = testing::sqlite().await; println!("sqlite first {:?}", t.elapsed()); drop(d);
    let t = Instant::now(); let d = testing::sqlite().await; println!("sqlite {:?}", t.elapsed());
    let t = Instant::now(); drop(d); println!("drop {:?}", t.elapsed());
    let t = Instant::now();
    let all: Vec<_> = (0..40).map(|_| tokio::spawn(testing::postgres())).collect();
    let mut dbs = vec![]; for a in all { dbs.push(a.await.unwrap()); }
    println!("40 at once {:?}", t.elapsed());
    let t = Instant::now(); drop(dbs); println!("drop 40 {:?}", t.elapsed());
}
