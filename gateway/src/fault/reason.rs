//! The reasons that the services give for a refusal of their rules.

/// Declares the reasons that the services give, by their names on the wire.
macro_rules! reasons {
    ($($name:ident = $wire:literal),+ $(,)?) => {
        /// A refusal of the rules; the .proto files say what each means.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Reason {
            $($name,)+
        }

        impl Reason {
            pub(super) fn parse(wire: &str) -> Option<Self> {
                match wire {
                    $($wire => Some(Self::$name),)+
                    _ => None,
                }
            }
        }
    };
}

reasons! {
    AccountNotFound = "ACCOUNT_NOT_FOUND",
    AdminExists = "ADMIN_EXISTS",
    ApiKeyNotFound = "API_KEY_NOT_FOUND",
    BarcodeTaken = "BARCODE_TAKEN",
    BookAwaited = "BOOK_AWAITED",
    BookNotAvailable = "BOOK_NOT_AVAILABLE",
    BookNotFound = "BOOK_NOT_FOUND",
    BookOnLoan = "BOOK_ON_LOAN",
    CategoryInUse = "CATEGORY_IN_USE",
    CategoryNotFound = "CATEGORY_NOT_FOUND",
    CategoryTaken = "CATEGORY_TAKEN",
    ChildrenNotFound = "CHILDREN_NOT_FOUND",
    CommonPassword = "COMMON_PASSWORD",
    ConfirmationMismatch = "CONFIRMATION_MISMATCH",
    CopyNotAvailable = "COPY_NOT_AVAILABLE",
    CopyNotFound = "COPY_NOT_FOUND",
    CopyNotOnLoan = "COPY_NOT_ON_LOAN",
    CopyOnLoan = "COPY_ON_LOAN",
    CopySetAside = "COPY_SET_ASIDE",
    CopyStateContradicted = "COPY_STATE_CONTRADICTED",
    DueTimeTooEarly = "DUE_TIME_TOO_EARLY",
    GroupNotFound = "GROUP_NOT_FOUND",
    GroupTaken = "GROUP_TAKEN",
    HashingQueueFull = "HASHING_QUEUE_FULL",
    HoldEnded = "HOLD_ENDED",
    HoldExists = "HOLD_EXISTS",
    HoldLimitReached = "HOLD_LIMIT_REACHED",
    HoldNotFound = "HOLD_NOT_FOUND",
    InstitutionInUse = "INSTITUTION_IN_USE",
    InstitutionNotFound = "INSTITUTION_NOT_FOUND",
    InstitutionTaken = "INSTITUTION_TAKEN",
    InstitutionUnknown = "INSTITUTION_UNKNOWN",
    InvalidApiKey = "INVALID_API_KEY",
    InvalidCredentials = "INVALID_CREDENTIALS",
    IsbnTaken = "ISBN_TAKEN",
    LastAdmin = "LAST_ADMIN",
    LoanLimitReached = "LOAN_LIMIT_REACHED",
    LoanNotFound = "LOAN_NOT_FOUND",
    LoanOverdue = "LOAN_OVERDUE",
    LoanReturned = "LOAN_RETURNED",
    LoanStateContradicted = "LOAN_STATE_CONTRADICTED",
    LoginTaken = "LOGIN_TAKEN",
    NotYours = "NOT_YOURS",
    PasswordLength = "PASSWORD_LENGTH",
    PasswordUnchanged = "PASSWORD_UNCHANGED",
    PatronBlocked = "PATRON_BLOCKED",
    PatronHasLoans = "PATRON_HAS_LOANS",
    PatronHasOverdueLoans = "PATRON_HAS_OVERDUE_LOANS",
    PatronNotFound = "PATRON_NOT_FOUND",
    RenewalLimitReached = "RENEWAL_LIMIT_REACHED",
    RequestIdReused = "REQUEST_ID_REUSED",
    RoleRequired = "ROLE_REQUIRED",
    SessionNotFound = "SESSION_NOT_FOUND",
    ShortPassword = "SHORT_PASSWORD",
    StaleEtag = "STALE_ETAG",
    TooManyAttempts = "TOO_MANY_ATTEMPTS",
    TooManyCopies = "TOO_MANY_COPIES",
    WeakPassword = "WEAK_PASSWORD",
    WrongPassword = "WRONG_PASSWORD",
    WrongRealm = "WRONG_REALM",
}

/// The pattern of the reasons that only catalog and lending give. Spelt out, as the next one is, so that a new reason does not
/// compile until each surface has words for it.
macro_rules! not_of_identity {
    () => {
        $crate::fault::Reason::BarcodeTaken
            | $crate::fault::Reason::BookAwaited
            | $crate::fault::Reason::BookNotAvailable
            | $crate::fault::Reason::BookNotFound
            | $crate::fault::Reason::BookOnLoan
            | $crate::fault::Reason::CategoryInUse
            | $crate::fault::Reason::CategoryNotFound
            | $crate::fault::Reason::CategoryTaken
            | $crate::fault::Reason::CopyNotAvailable
            | $crate::fault::Reason::CopyNotFound
            | $crate::fault::Reason::CopyNotOnLoan
            | $crate::fault::Reason::CopyOnLoan
            | $crate::fault::Reason::CopySetAside
            | $crate::fault::Reason::CopyStateContradicted
            | $crate::fault::Reason::DueTimeTooEarly
            | $crate::fault::Reason::HoldEnded
            | $crate::fault::Reason::HoldExists
            | $crate::fault::Reason::HoldLimitReached
            | $crate::fault::Reason::HoldNotFound
            | $crate::fault::Reason::IsbnTaken
            | $crate::fault::Reason::LoanLimitReached
            | $crate::fault::Reason::LoanNotFound
            | $crate::fault::Reason::LoanOverdue
            | $crate::fault::Reason::LoanReturned
            | $crate::fault::Reason::LoanStateContradicted
            | $crate::fault::Reason::PatronBlocked
            | $crate::fault::Reason::PatronHasOverdueLoans
            | $crate::fault::Reason::PatronNotFound
            | $crate::fault::Reason::RenewalLimitReached
            | $crate::fault::Reason::StaleEtag
            | $crate::fault::Reason::TooManyCopies
    };
}
pub(crate) use not_of_identity;

/// The pattern of the reasons that no answer to a change of password carries on to a surface.
macro_rules! not_of_a_change {
    () => {
        $crate::fault::not_of_identity!()
            | $crate::fault::Reason::AccountNotFound
            | $crate::fault::Reason::AdminExists
            | $crate::fault::Reason::ApiKeyNotFound
            | $crate::fault::Reason::ChildrenNotFound
            | $crate::fault::Reason::GroupNotFound
            | $crate::fault::Reason::GroupTaken
            | $crate::fault::Reason::HashingQueueFull
            | $crate::fault::Reason::InstitutionInUse
            | $crate::fault::Reason::InstitutionNotFound
            | $crate::fault::Reason::InstitutionTaken
            | $crate::fault::Reason::InstitutionUnknown
            | $crate::fault::Reason::InvalidCredentials
            | $crate::fault::Reason::LastAdmin
            | $crate::fault::Reason::LoginTaken
            | $crate::fault::Reason::NotYours
            | $crate::fault::Reason::PasswordLength
            | $crate::fault::Reason::PatronHasLoans
            | $crate::fault::Reason::RequestIdReused
            | $crate::fault::Reason::RoleRequired
            | $crate::fault::Reason::SessionNotFound
            | $crate::fault::Reason::TooManyAttempts
            | $crate::fault::Reason::WrongRealm
    };
}
pub(crate) use not_of_a_change;
