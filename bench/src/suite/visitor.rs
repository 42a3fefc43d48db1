//! What somebody does in the library, again and again.

use std::sync::Arc;

use super::place::Place;
use crate::{
    Random,
    generator::{Client, Script},
    wire,
};

/// Pages of a list that anybody looks at.
const PAGES: usize = 25;

/// One kind of thing to do, or a bit of everything.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mix {
    /// Six of ten a book, three a page of the list, one the categories or what stands in one.
    Browse,
    /// Words or an ISBN; one in four with facets.
    Search,
    /// One's own loans, an admin's lists of loans and of clients, the children of a school.
    Lists,
    /// A password.
    SignIn,
    /// A book is borrowed and returned, each once.
    Lend,
    /// Of a hundred requests 60 browse, 20 search, 15 are lists, 4 borrow or return, and one signs in.
    Day,
}

/// Somebody with a connection and, where it takes one, an account of his own.
pub struct Visitor {
    place: Arc<Place>,
    mix: Mix,
    random: Random,
    /// His number, of so many visitors.
    number: usize,
    of: usize,
    /// No two runs have the same, so that nothing is taken for a repetition.
    run: usize,
    /// How often he borrowed something.
    lent: usize,
}

impl Visitor {
    /// So many for a run, each at another connection.
    pub fn several(place: &Arc<Place>, mix: Mix, of: usize, run: usize) -> Vec<Self> {
        let one = |number| Self {
            place: Arc::clone(place),
            mix,
            random: Random::new((run as u64) << 32 | (number as u64) << 16),
            number,
            of,
            run,
            lent: 0,
        };
        (0..of).map(one).collect()
    }

    /// His own loans and token.
    fn token(&self) -> &str {
        &self.place.patrons[self.number % self.place.patrons.len()]
    }

    fn page(&mut self) -> usize {
        1 + self.random.below(PAGES)
    }

    /// A thing of a day: borrowing is two requests, so it is drawn half as often.
    fn draw(&mut self) -> Mix {
        match (self.mix, self.random.below(98)) {
            (Mix::Day, 0..60) => Mix::Browse,
            (Mix::Day, 60..80) => Mix::Search,
            (Mix::Day, 80..95) => Mix::Lists,
            (Mix::Day, 95..97) => Mix::Lend,
            (Mix::Day, _) => Mix::SignIn,
            (mix, _) => mix,
        }
    }

    fn browse(&mut self) -> Vec<u8> {
        let path = match self.random.below(20) {
            0..12 => format!("/api/livres/{}", one_of(&self.place.books, &mut self.random)),
            12..18 => format!("/api/livres?limit=20&page={}", self.page()),
            18 => "/api/categories".to_owned(),
            _ => format!("/api/livres?limit=20&categorieId={}", one_of(&self.place.categories, &mut self.random)),
        };
        wire::get(&path, None)
    }

    fn search(&mut self) -> Vec<u8> {
        let facets = if self.random.below(4) == 0 { "&facettes=true" } else { "" };
        let question = one_of(&self.place.questions, &mut self.random);
        wire::get(&format!("/api/livres?limit=20{facets}&q={question}"), None)
    }

    fn list(&mut self) -> Vec<u8> {
        let (path, is_admins) = match self.random.below(6) {
            0..3 => ("/api/clients/emprunts?limit=20".to_owned(), false),
            3 => (format!("/api/emprunts?limit=50&page={}", self.page() % 10 + 1), true),
            4 => (format!("/api/clients?limit=50&page={}", self.page()), true),
            _ => (format!("/v1/children?limit=50&sort=username&page={}", self.page() % 10 + 1), true),
        };
        wire::get(&path, Some(if is_admins { &self.place.admin } else { self.token() }))
    }

    /// Of the books only he takes, so that there is a copy of it.
    async fn lend(&mut self, client: &mut Client) {
        let own = self.place.books.len() / self.of;
        let book = &self.place.books[self.number + self.of * self.random.below(own)];
        self.lent += 1;
        let key = |what: &str| format!("{what}-{}-{}-{}", self.run, self.number, self.lent);
        let (borrow, give_back) = (key("borrow"), key("return"));

        let request = wire::post(&format!("/api/emprunts/{book}"), Some(self.token()), Some(&borrow), None);
        let Some(loan) = client.ask(&request, 201).await.and_then(id) else { return };
        let path = format!("/api/emprunts/{loan}/return");
        client.ask(&wire::post(&path, Some(self.token()), Some(&give_back), None), 200).await;
    }

    async fn sign_in(&mut self, client: &mut Client) {
        client.due();
        let Ok(_turn) = self.place.door.acquire().await else { return };
        let request = &self.place.sign_ins[self.random.below(self.place.sign_ins.len())];
        client.ask(request, 200).await;
    }
}

impl Script for Visitor {
    async fn step(&mut self, client: &mut Client) {
        let request = match self.draw() {
            Mix::Lend => return self.lend(client).await,
            Mix::SignIn => return self.sign_in(client).await,
            Mix::Search => self.search(),
            Mix::Lists => self.list(),
            Mix::Browse | Mix::Day => self.browse(),
        };
        client.ask(&request, 200).await;
    }
}

fn one_of<'a>(several: &'a [String], random: &mut Random) -> &'a str {
    &several[random.below(several.len())]
}

/// The first id of an answer, which is the loan's.
fn id(body: &[u8]) -> Option<String> {
    let (_, behind) = str::from_utf8(body).ok()?.split_once("\"_id\":\"")?;
    Some(behind.split_once('"')?.0.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_id_of_a_loan_is_the_first_of_the_answer() {
        let body = br#"{"success":true,"data":{"emprunt":{"_id":"67b1","livreId":"67b2"}}}"#;
        assert_eq!(id(body).as_deref(), Some("67b1"));
        assert_eq!(id(b"{}"), None);
    }
}
