//! A test can take its database server away, and bring it back.

use sqlx::{Connection, PgConnection};
use testing::Cluster;

#[tokio::test]
async fn a_stopped_cluster_comes_back_with_its_data() {
    let Some(mut cluster) = Cluster::start().await else {
        return;
    };
    let url = cluster.database().await;
    let mut before = PgConnection::connect(&url).await.unwrap();
    sqlx::query("CREATE TABLE book AS SELECT 'Candide' AS title").execute(&mut before).await.unwrap();

    cluster.stop();
    assert!(before.ping().await.is_err());
    assert!(PgConnection::connect(&url).await.is_err());

    cluster.start_again().await;
    let mut after = PgConnection::connect(&url).await.unwrap();
    let title: String = sqlx::query_scalar("SELECT title FROM book").fetch_one(&mut after).await.unwrap();
    assert_eq!(title, "Candide");
}

#[tokio::test]
async fn clusters_are_reached_by_socket_only() {
    let Some(cluster) = Cluster::start().await else {
        return;
    };
    let url = cluster.database().await;
    let mut connection = PgConnection::connect(&url).await.unwrap();
    let addresses: String =
        sqlx::query_scalar("SELECT current_setting('listen_addresses')").fetch_one(&mut connection).await.unwrap();
    assert_eq!(addresses, "");
}

/// Two databases that were one would refuse the second table.
#[tokio::test]
async fn databases_of_a_cluster_are_separate() {
    let Some(cluster) = Cluster::start().await else {
        return;
    };
    for _ in 0..2 {
        let url = cluster.database().await;
        let mut connection = PgConnection::connect(&url).await.unwrap();
        sqlx::query("CREATE TABLE book (title TEXT)").execute(&mut connection).await.unwrap();
    }
}
