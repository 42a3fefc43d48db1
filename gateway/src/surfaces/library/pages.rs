//! Lists: `page` and `limit`, `X-Total-Count` and `Link` (RFC 8288).

use axum::{
    http::{
        HeaderValue, Uri,
        header::{HeaderName, LINK},
    },
    response::Response,
};
use serde::Deserialize;

use super::{envelope::bad, query::parameters};
use crate::fault::Ending;

/// The most rows on a page, and as many as there are without a limit.
const LONGEST: u32 = 1000;

/// What is said of a `page` that is none.
pub const BAD_PAGE: &str = "Invalid page! It must be a whole number from 1 to 1000000.";

/// What is said of a `limit` that is none.
pub const BAD_LIMIT: &str = "Invalid limit! It must be a whole number from 1 to 1000.";

const X_TOTAL_COUNT: HeaderName = HeaderName::from_static("x-total-count");

/// A page of a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page {
    number: u32,
    limit: u32,
    after: String,
}

/// What an answer says of the list that its page is of.
#[derive(Clone, Debug, Default)]
pub struct Extent {
    /// Rows on all pages.
    pub total: i64,
    /// There are more than `total`: nobody counted on.
    pub is_least: bool,
    /// Where the next page begins, if the service said so; then that page costs what the first one costs.
    pub next: Option<String>,
}

impl Extent {
    /// Of a list whose rows are counted and whose next page begins at a token, empty on the last one.
    pub fn counted(total: i64, next_page_token: String) -> Self {
        Self { total, is_least: false, next: Some(next_page_token) }
    }
}

#[derive(Deserialize)]
struct Parameters {
    page: Option<String>,
    limit: Option<String>,
    apres: Option<String>,
}

impl Page {
    /// The page that a query asks for.
    ///
    /// # Errors
    /// 400, naming the parameter.
    pub fn of(uri: &Uri) -> Result<Self, Ending> {
        let Parameters { page, limit, apres } = parameters(uri)?;
        let number = whole(page.as_deref(), 1).filter(|number| (1..=1_000_000).contains(number));
        let limit = whole(limit.as_deref(), LONGEST).filter(|limit| (1..=LONGEST).contains(limit));
        let number = number.ok_or_else(|| bad(BAD_PAGE))?;
        let limit = limit.ok_or_else(|| bad(BAD_LIMIT))?;
        Ok(Self { number, limit, after: apres.unwrap_or_default() })
    }

    /// Behind which row it begins, if the address said so: a token of an earlier answer.
    pub fn after(&self) -> String {
        self.after.clone()
    }

    /// Rows on a page.
    pub fn limit(&self) -> i32 {
        i32::try_from(self.limit).unwrap_or(i32::MAX)
    }

    /// Rows to pass over.
    pub fn skip(&self) -> i32 {
        if !self.after.is_empty() {
            return 0;
        }
        i32::try_from((self.number - 1).saturating_mul(self.limit)).unwrap_or(i32::MAX)
    }

    /// Says on an answer how many rows there are, and where the neighbouring pages are.
    pub fn describe(&self, mut answer: Response, uri: &Uri, extent: &Extent) -> Response {
        answer.headers_mut().insert(X_TOTAL_COUNT, HeaderValue::from(extent.total));
        if let Ok(links) = HeaderValue::try_from(self.links(uri, extent)) {
            answer.headers_mut().insert(LINK, links);
        }
        answer
    }

    fn links(&self, uri: &Uri, extent: &Extent) -> String {
        let total = u32::try_from(extent.total).unwrap_or(u32::MAX);
        let last = total.div_ceil(self.limit).max(1);
        let others = uri.query().unwrap_or_default().split('&').filter(|parameter| {
            let name = parameter.split('=').next().unwrap_or_default();
            !matches!(name, "" | "page" | "limit" | "apres")
        });
        let others: String = others.flat_map(|parameter| ["&", parameter]).collect();
        let after = extent.next.as_ref().filter(|token| !token.is_empty()).map(|token| format!("&apres={token}"));
        let has_next = if extent.next.is_some() { after.is_some() } else { self.number < last };
        let pages = [
            Some(("first", 1, "")),
            (self.number > 1).then(|| ("prev", (self.number - 1).min(last), "")),
            has_next.then(|| ("next", self.number + 1, after.as_deref().unwrap_or_default())),
            (!extent.is_least).then_some(("last", last, "")),
        ];
        let link = |(rel, page, after): (&str, u32, &str)| {
            format!("<{}?page={page}&limit={}{others}{after}>; rel=\"{rel}\"", uri.path(), self.limit)
        };
        pages.into_iter().flatten().map(link).collect::<Vec<_>>().join(", ")
    }
}

fn whole(text: Option<&str>, default: u32) -> Option<u32> {
    match text {
        None => Some(default),
        Some(text) if text.bytes().all(|byte| byte.is_ascii_digit()) => text.parse().ok(),
        Some(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(query: &str) -> Option<(i32, i32)> {
        Page::of(&format!("/api/clients{query}").parse().unwrap()).ok().map(|page| (page.skip(), page.limit()))
    }

    fn of(total: i64) -> Extent {
        Extent { total, ..Extent::default() }
    }

    #[test]
    fn a_page_is_counted_from_one() {
        assert_eq!(page(""), Some((0, 1000)));
        assert_eq!(page("?page=3&limit=20"), Some((40, 20)));
        for bad in
            ["?page=0", "?page=-1", "?page=x", "?page=", "?limit=0", "?limit=1001", "?limit=1e2", "?page=99999999999"]
        {
            assert_eq!(page(bad), None, "{bad}");
        }
    }

    #[test]
    fn links_lead_to_the_neighbours_and_keep_the_filters() {
        let uri: Uri = "/api/livres?q=a%20b&page=2&limit=10".parse().unwrap();
        let links = Page::of(&uri).ok().unwrap().links(&uri, &of(25));

        assert_eq!(
            links,
            "</api/livres?page=1&limit=10&q=a%20b>; rel=\"first\", </api/livres?page=1&limit=10&q=a%20b>; rel=\"prev\", \
             </api/livres?page=3&limit=10&q=a%20b>; rel=\"next\", </api/livres?page=3&limit=10&q=a%20b>; rel=\"last\""
        );
    }

    #[test]
    fn the_next_page_begins_where_the_service_says_and_nobody_says_where_an_uncounted_list_ends() {
        let uri: Uri = "/api/livres?page=2&limit=10&apres=old&q=a".parse().unwrap();
        let page = Page::of(&uri).ok().unwrap();
        let next = |token: &str| Extent { total: 10_000, is_least: true, next: Some(token.to_owned()) };

        assert_eq!((page.skip(), page.after().as_str()), (0, "old"));
        assert_eq!(
            page.links(&uri, &next("new")),
            "</api/livres?page=1&limit=10&q=a>; rel=\"first\", </api/livres?page=1&limit=10&q=a>; rel=\"prev\", \
             </api/livres?page=3&limit=10&q=a&apres=new>; rel=\"next\""
        );
        assert!(!page.links(&uri, &next("")).contains("next"));
    }

    #[test]
    fn an_empty_list_has_one_page() {
        let uri: Uri = "/api/clients".parse().unwrap();

        assert_eq!(
            Page::of(&uri).ok().unwrap().links(&uri, &of(0)),
            "</api/clients?page=1&limit=1000>; rel=\"first\", </api/clients?page=1&limit=1000>; rel=\"last\""
        );
    }
}
