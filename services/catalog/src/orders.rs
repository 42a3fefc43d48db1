//! Copies are lending's: what is ordered of it is written with the book that it is for, and carried out as soon as lending answers.
//!
//! An order goes to lending under its id until lending has answered, so it may go there more than once and has its effect
//! once. Of one book, no order goes there before the one in front of it is done.

use std::time::Duration;

use proto::lending::v1::{self as lending, lending_service_client::LendingServiceClient};
use shared::{channel::Channel, context::Context, crash};
use tonic::{Code, Status};

use crate::{
    domain::{
        BookId,
        book::Copies,
        order::{CopiesOrder, Kind},
    },
    follower::read,
    grpc::Catalog,
};

/// How long whoever orders waits for lending; then the order is carried out later.
const PATIENCE: Duration = Duration::from_secs(2);

/// What has to be left of a round's time for one more order.
const ENOUGH: Duration = Duration::from_secs(15);

/// What became of an order.
enum Fate {
    /// Lending has done it, and this is how many copies there are now.
    Done(Vec<lending::Availability>),
    /// Lending has withdrawn the book.
    Withdrawn(BookId),
}

impl Catalog {
    /// Carries out what is ordered of a book, if lending answers soon; says how many copies there are then, as far as lending did.
    pub async fn carry_out_now(&self, book: BookId) -> Option<lending::Availability> {
        match Context::current().within(PATIENCE).scope(self.carry_out_all_of(book)).await {
            Ok(availability) => availability,
            Err(status) => {
                tracing::warn!(%book, code = ?status.code(), "the book's copies are ordered, and not there yet");
                None
            }
        }
    }

    async fn carry_out_all_of(&self, book: BookId) -> Result<Option<lending::Availability>, Status> {
        let (mut said, id) = (None, book.to_string());
        let orders = self.store.orders_of(book).await?;
        if orders.iter().any(|order| order.books.len() > 1) {
            // It is of other books too, and may have to wait for what is ordered of those before.
            self.ordered.notify_one();
            return Ok(None);
        }
        for order in orders {
            said = self.carry_out(&order).await?.into_iter().find(|of| of.book_id == id);
        }
        Ok(said)
    }

    /// Carries out orders, the oldest first, until there are none or lending does not answer.
    ///
    /// # Errors
    /// What keeps lending from answering.
    pub(crate) async fn carry_out_orders(&self) -> Result<(), Status> {
        while let Some(order) = self.store.next_order().await? {
            if Context::current().remaining() < ENOUGH {
                self.ordered.notify_one();
                return Ok(());
            }
            self.carry_out(&order).await?;
        }
        Ok(())
    }

    async fn carry_out(&self, order: &CopiesOrder) -> Result<Vec<lending::Availability>, Status> {
        let neighbour = LendingServiceClient::new(self.lending.clone());
        let fate = match (order.kind, order.books.as_slice()) {
            (Kind::Set, [(book, copies)]) => set(neighbour, &order.id, *book, *copies).await,
            (Kind::Set, _) => Err(Status::internal("an order sets the copies of several books")),
            (Kind::Add, books) => add(neighbour, order.id.clone(), books).await.map(Fate::Done),
        };
        match fate {
            Ok(Fate::Done(availabilities)) => {
                crash::point("catalog.create.ordered");
                let said: Vec<_> = availabilities.iter().map(read).collect::<Result<_, _>>()?;
                self.store.close_order(&order.id, &said).await?;
                Ok(availabilities)
            }
            Ok(Fate::Withdrawn(book)) => {
                tracing::warn!(%book, order = order.id, "lending has withdrawn the book; it gets no copies");
                self.store.close_vain_order(&order.id, book).await?;
                Ok(Vec::new())
            }
            // It will never say anything else, and others wait behind it.
            Err(refused) if matches!(refused.code(), Code::InvalidArgument | Code::FailedPrecondition) => {
                tracing::error!(?order, message = refused.message(), "lending does not take an order; it is dropped");
                self.store.close_order(&order.id, &[]).await?;
                Ok(Vec::new())
            }
            Err(status) => Err(status),
        }
    }
}

async fn add(
    mut neighbour: LendingServiceClient<Channel>,
    request_id: String,
    books: &[(BookId, Copies)],
) -> Result<Vec<lending::Availability>, Status> {
    let addition = |(book, copies): &(BookId, Copies)| lending::add_copies_request::Addition {
        book_id: book.to_string(),
        copies: i32::try_from(copies.get()).unwrap_or(i32::MAX),
    };
    let additions = books.iter().map(addition).collect();
    let answer = neighbour.add_copies(lending::AddCopiesRequest { request_id, additions }).await?;
    Ok(answer.into_inner().availabilities)
}

/// A book that lending has never heard of (its database may be an older one, out of a backup) is made known first. One that still
/// is not known was withdrawn.
async fn set(
    neighbour: LendingServiceClient<Channel>,
    request_id: &str,
    book: BookId,
    copies: Copies,
) -> Result<Fate, Status> {
    if let Some(availability) = try_set(neighbour.clone(), request_id, book, copies).await? {
        return Ok(Fate::Done(vec![availability]));
    }
    add(neighbour.clone(), format!("{request_id}.known"), &[(book, Copies::default())]).await?;
    let set = try_set(neighbour, request_id, book, copies).await?;
    Ok(set.map_or(Fate::Withdrawn(book), |availability| Fate::Done(vec![availability])))
}

/// `None` when lending does not know the book.
async fn try_set(
    mut neighbour: LendingServiceClient<Channel>,
    request_id: &str,
    book: BookId,
    copies: Copies,
) -> Result<Option<lending::Availability>, Status> {
    let request = lending::SetAvailableCopiesRequest {
        request_id: request_id.to_owned(),
        book_id: book.to_string(),
        available_copies: i32::try_from(copies.get()).unwrap_or(i32::MAX),
    };
    match neighbour.set_available_copies(request).await {
        Ok(answer) => Ok(Some(answer.into_inner().availability.unwrap_or_default())),
        Err(unknown) if unknown.code() == Code::NotFound => Ok(None),
        Err(status) => Err(status),
    }
}
