//! The rpcs: each parses, does one thing, and renders the answer.

mod drafts;
mod refusal;
mod render;
mod streams;

use std::sync::Arc;

use proto::catalog::v1::{self as pb, catalog_service_server::CatalogService};
use shared::{
    Clock, Error, Id,
    channel::Channel,
    context::Context,
    crash,
    page::Page,
    passport::Caller,
    replay::{Message, Replay},
    rpc::caller,
};
use tokio::sync::Notify;
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Request, Response, Status, Streaming};

use crate::{
    domain::{
        BookId, CategoryId, Refusal,
        book::{Book, Changes},
        category::Category,
        words::Question,
    },
    follower::Heard,
    store::{Asked, Listing, Store},
};
use render::{BOOK, Misfits, category_changes, changes, field, filter, order, question};

type Answer<T> = Result<Response<T>, Status>;

/// The most books that are asked for by their ids at once.
const MOST_IDS: usize = 1000;

/// The service.
#[derive(Clone)]
pub struct Catalog {
    pub(crate) store: Store,
    /// The way to lending, on catalog's own behalf.
    pub(crate) lending: Channel,
    pub(crate) clock: Clock,
    /// Wakes who carries out orders.
    pub(crate) ordered: Arc<Notify>,
    /// Whether all is known that lending has said.
    pub(crate) heard: Heard,
}

impl Catalog {
    /// The request, if it may come again.
    fn replay(
        &self,
        caller: &Caller,
        request_id: &str,
        rpc: &str,
        request: &impl Message,
    ) -> Result<Option<Replay>, Error<Refusal>> {
        Ok(Replay::of(caller, request_id, rpc, request, self.clock.now())?)
    }

    /// A new book of these values, which have to name its title.
    async fn new_book(&self, wanted: &pb::Book, paths: &[String]) -> Result<Book, Error<Refusal>> {
        let mut misfits = Misfits::default();
        let changes = changes(wanted, paths, &mut misfits);
        let title = changes.title.clone();
        if title.is_none() {
            misfits.missing("book.title");
        }
        self.must_fit(misfits, &changes).await?;
        let title = title.ok_or_else(|| Error::invalid("book.title", "must be given"))?;
        let now = self.clock.now();
        let book = Book::new(Id::fresh(now).into(), title, now).change(changes, now);
        book.map_err(|misfit| Error::invalid("book.available_copies", misfit))
    }

    /// Whether nothing misfits. If anything does, a category that there is not is named beside it.
    async fn must_fit(&self, mut misfits: Misfits, changes: &Changes) -> Result<(), Error<Refusal>> {
        if let (false, Some(category)) = (misfits.is_empty(), changes.category.flatten())
            && self.store.category(category).await?.is_none()
        {
            misfits.add("book.category_id", "does not exist");
        }
        misfits.none()
    }

    /// What only the database knows to be wrong with a book that is not to be kept.
    async fn check_references(&self, id: Option<BookId>, changes: &Changes) -> Result<(), Error<Refusal>> {
        if let Some(category) = changes.category.flatten() {
            self.existing_category(category).await?;
        }
        if let Some(isbn) = changes.isbn.flatten()
            && let Some(taken) = self.store.holder(isbn).await?
            && !matches!(&taken, Refusal::IsbnTaken { book, .. } if Some(*book) == id)
        {
            return Err(Error::Refused(taken));
        }
        Ok(())
    }

    async fn existing(&self, id: BookId) -> Result<Book, Error<Refusal>> {
        self.store.book(id).await?.ok_or(Error::Refused(Refusal::BookNotFound))
    }

    async fn existing_category(&self, id: CategoryId) -> Result<Category, Error<Refusal>> {
        self.store.category(id).await?.ok_or(Error::Refused(Refusal::CategoryNotFound))
    }
}

#[tonic::async_trait]
impl CatalogService for Catalog {
    type ImportBooksStream = ReceiverStream<Result<pb::ImportBooksResponse, Status>>;
    type ExportBooksStream = ReceiverStream<Result<pb::ExportBooksResponse, Status>>;

    async fn create_book(&self, request: Request<pb::CreateBookRequest>) -> Answer<pb::CreateBookResponse> {
        let caller = caller(&request)?;
        let request = request.into_inner();
        let replay = self.replay(&caller, &request.request_id, "CreateBook", &request)?;
        let book = self.new_book(&request.book.unwrap_or_default(), &BOOK.map(str::to_owned)).await?;

        let render = |book: &Book| pb::CreateBookResponse { book: Some(book.clone().into()) };
        let answer = if request.validate_only {
            let changes = Changes { isbn: Some(book.isbn), category: Some(book.category), ..Changes::default() };
            self.check_references(None, &changes).await?;
            render(&book)
        } else {
            let answer = self.store.create_book(&book, replay.as_ref(), render).await?;
            crash::point("catalog.create.committed");
            // Of a new book there are the copies that were ordered, so the answer is the same whenever it is asked for.
            let id = answer.book.as_ref().map(|book| field("book.id", &book.id)).transpose()?;
            self.carry_out_now(id.unwrap_or(book.id)).await;
            answer
        };

        Ok(Response::new(answer))
    }

    async fn get_book(&self, request: Request<pb::GetBookRequest>) -> Answer<pb::GetBookResponse> {
        let id = field("book_id", &request.get_ref().book_id)?;

        let copies_are_current = self.heard.is_all();
        let book = self.existing(id).await?;

        Ok(Response::new(pb::GetBookResponse { book: Some(book.into()), copies_are_current }))
    }

    async fn batch_get_books(&self, request: Request<pb::BatchGetBooksRequest>) -> Answer<pb::BatchGetBooksResponse> {
        let ids = request.into_inner().book_ids;
        if ids.len() > MOST_IDS {
            return Err(Error::<Refusal>::invalid("book_ids", "must be at most 1000").into());
        }
        let ids: Vec<BookId> = ids.iter().map(|id| field("book_ids", id)).collect::<Result<_, _>>()?;

        let found = self.store.books(&ids).await?;

        let in_order = ids.iter().filter_map(|id| found.iter().find(|book| book.id == *id));
        let books = in_order.cloned().map(Into::into).collect();
        Ok(Response::new(pb::BatchGetBooksResponse { books }))
    }

    async fn list_books(&self, request: Request<pb::ListBooksRequest>) -> Answer<pb::ListBooksResponse> {
        let request = request.into_inner();
        let page =
            Page::parse(request.page_size, &request.page_token, request.skip, 1000).map_err(Error::<Refusal>::from)?;
        let listing = Listing {
            question: question(&request.query)?,
            filter: filter(request.filter.unwrap_or_default())?,
            order: order(&request.order_by)?,
            page,
        };

        let copies_are_current = self.heard.is_all();
        let found = self.store.list_books(&listing).await?;

        Ok(Response::new(pb::ListBooksResponse {
            books: found.books.into_iter().map(Into::into).collect(),
            next_page_token: found.next_page_token,
            total_size: found.total,
            total_size_is_least: found.total_is_least,
            copies_are_current,
        }))
    }

    async fn count_books(&self, request: Request<pb::CountBooksRequest>) -> Answer<pb::CountBooksResponse> {
        let request = request.into_inner();
        let question: Question = question(&request.query)?;
        let filter = filter(request.filter.unwrap_or_default())?;

        let facets = self.store.count_books(&question, &filter).await?;

        Ok(Response::new(facets.into()))
    }

    async fn update_book(&self, request: Request<pb::UpdateBookRequest>) -> Answer<pb::UpdateBookResponse> {
        let request = request.into_inner();
        let wanted = request.book.unwrap_or_default();
        let id = field("book.id", &wanted.id)?;
        let mut misfits = Misfits::default();
        let changes = changes(&wanted, &request.update_mask.unwrap_or_default().paths, &mut misfits);
        self.must_fit(misfits, &changes).await?;

        let now = self.clock.now();
        let rule = |book: &Book| {
            book.must_be(&wanted.etag).map_err(Error::Refused)?;
            book.change(changes.clone(), now).map_err(|misfit| Error::invalid("book.available_copies", misfit))
        };
        let book: pb::Book = if request.validate_only || changes == Changes::default() {
            let book = self.existing(id).await?;
            rule(&book)?;
            self.check_references(Some(id), &changes).await?;
            book.into()
        } else {
            let book = self.store.update_book(id, rule, changes.available).await?;
            let said = if changes.available.is_some() { self.carry_out_now(id).await } else { None };
            render::as_said(book, said.as_ref())
        };

        Ok(Response::new(pb::UpdateBookResponse { book: Some(book) }))
    }

    async fn delete_book(&self, request: Request<pb::DeleteBookRequest>) -> Answer<pb::DeleteBookResponse> {
        let actor = caller(&request)?.subject;
        let request = request.into_inner();
        let id = field("book_id", &request.book_id)?;

        let asked = Asked { actor, request_id: Context::current().request_id.to_string(), at: self.clock.now() };
        let (departure, book) = self.store.mark_departure(id, |book| book.must_be(&request.etag), &asked).await?;
        self.let_go(&departure).await?;

        Ok(Response::new(pb::DeleteBookResponse { book: Some(book.into()) }))
    }

    async fn import_books(
        &self,
        request: Request<Streaming<pb::ImportBooksRequest>>,
    ) -> Answer<Self::ImportBooksStream> {
        Ok(Response::new(self.importing(request.into_inner())))
    }

    async fn export_books(&self, _: Request<pb::ExportBooksRequest>) -> Answer<Self::ExportBooksStream> {
        Ok(Response::new(self.exporting()))
    }

    async fn create_category(&self, request: Request<pb::CreateCategoryRequest>) -> Answer<pb::CreateCategoryResponse> {
        let caller = caller(&request)?;
        let request = request.into_inner();
        let replay = self.replay(&caller, &request.request_id, "CreateCategory", &request)?;
        let wanted = request.category.unwrap_or_default();
        let mut misfits = Misfits::default();
        let changes = category_changes(&wanted, &["name".to_owned(), "description".to_owned()], &mut misfits);
        misfits.none()?;
        let (Some(name), Some(description)) = (changes.name, changes.description) else {
            return Err(Error::<Refusal>::invalid("category", "must have a name and a description").into());
        };

        let now = self.clock.now();
        let category = Category::new(Id::fresh(now).into(), name, description, now);
        let render = |category: &Category| pb::CreateCategoryResponse { category: Some(category.clone().into()) };
        let answer = self.store.create_category(&category, replay.as_ref(), render).await?;

        Ok(Response::new(answer))
    }

    async fn get_category(&self, request: Request<pb::GetCategoryRequest>) -> Answer<pb::GetCategoryResponse> {
        let id = field("category_id", &request.get_ref().category_id)?;

        let category = self.existing_category(id).await?;

        Ok(Response::new(pb::GetCategoryResponse { category: Some(category.into()) }))
    }

    async fn list_categories(&self, request: Request<pb::ListCategoriesRequest>) -> Answer<pb::ListCategoriesResponse> {
        let request = request.into_inner();
        let page =
            Page::parse(request.page_size, &request.page_token, request.skip, 1000).map_err(Error::<Refusal>::from)?;

        let (mut categories, total_size) = self.store.categories(&page).await?;

        let next_page_token = page.close(&mut categories, |category| category.id.to_string());
        let categories = categories.into_iter().map(Into::into).collect();
        Ok(Response::new(pb::ListCategoriesResponse { categories, next_page_token, total_size }))
    }

    async fn update_category(&self, request: Request<pb::UpdateCategoryRequest>) -> Answer<pb::UpdateCategoryResponse> {
        let request = request.into_inner();
        let wanted = request.category.unwrap_or_default();
        let id = field("category.id", &wanted.id)?;
        let mut misfits = Misfits::default();
        let changes = category_changes(&wanted, &request.update_mask.unwrap_or_default().paths, &mut misfits);
        misfits.none()?;

        let now = self.clock.now();
        let rule = |category: &Category| {
            category.must_be(&wanted.etag)?;
            Ok(category.change(changes.clone(), now))
        };
        let category = if changes == crate::domain::category::Changes::default() {
            let category = self.existing_category(id).await?;
            category.must_be(&wanted.etag).map_err(Error::Refused)?;
            category
        } else {
            self.store.update_category(id, rule).await?
        };

        Ok(Response::new(pb::UpdateCategoryResponse { category: Some(category.into()) }))
    }

    async fn delete_category(&self, request: Request<pb::DeleteCategoryRequest>) -> Answer<pb::DeleteCategoryResponse> {
        let request = request.into_inner();
        let id = field("category_id", &request.category_id)?;

        let category = self.store.delete_category(id, |category| category.must_be(&request.etag)).await?;

        Ok(Response::new(pb::DeleteCategoryResponse { category: Some(category.into()) }))
    }
}
