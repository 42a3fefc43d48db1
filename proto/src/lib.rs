//! The contract between the roles: the generated code of `bibliotique/*/v1/*.proto`, and its descriptors.

use std::marker::PhantomData;

use prost::Message;
use tonic::codec::BufferSettings;
use tonic_prost::{ProstDecoder, ProstEncoder};

/// The descriptor set of every package, with comments, for reflection and for tests that walk it.
pub const DESCRIPTORS: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/descriptors.bin"));

/// Generated code of the identity service.
pub mod identity {
    /// Package `bibliotique.identity.v1`.
    pub mod v1 {
        #![expect(
            missing_docs,
            clippy::allow_attributes,
            reason = "generated; the documentation is in the .proto file"
        )]
        include!(concat!(env!("OUT_DIR"), "/bibliotique.identity.v1.rs"));
    }
}

/// Generated code of the catalog service.
pub mod catalog {
    /// Package `bibliotique.catalog.v1`.
    pub mod v1 {
        #![expect(
            missing_docs,
            clippy::allow_attributes,
            reason = "generated; the documentation is in the .proto file"
        )]
        include!(concat!(env!("OUT_DIR"), "/bibliotique.catalog.v1.rs"));
    }
}

/// Generated code of the lending service.
pub mod lending {
    /// Package `bibliotique.lending.v1`.
    pub mod v1 {
        #![expect(
            missing_docs,
            clippy::allow_attributes,
            reason = "generated; the documentation is in the .proto file"
        )]
        include!(concat!(env!("OUT_DIR"), "/bibliotique.lending.v1.rs"));
    }
}

/// Gives messages that carry a secret a `Debug` that says nothing but their name.
macro_rules! secret {
    ($($message:path),+ $(,)?) => {$(
        impl std::fmt::Debug for $message {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(concat!(stringify!($message), " { .. }"))
            }
        }
    )+};
}

secret! {
    identity::v1::RegisterAccountRequest,
    identity::v1::RegisterAccountResponse,
    identity::v1::CreateAccountRequest,
    identity::v1::create_account_request::Credential,
    identity::v1::LogInRequest,
    identity::v1::LogInResponse,
    identity::v1::ChangePasswordRequest,
    identity::v1::ResetPasswordRequest,
    identity::v1::CreateMemberRequest,
    identity::v1::create_member_request::Credential,
    identity::v1::CreateApiKeyResponse,
    identity::v1::VerifyApiKeyRequest,
}

/// Protobuf as tonic's own codec has it, with buffers that begin smaller: what most calls say fits, and a small piece of memory costs
/// an allocator less than the four of 8 KiB that each call would take.
#[derive(Clone, Copy, Debug)]
pub struct Codec<T, U>(PhantomData<(T, U)>);

/// In bytes: what a buffer begins with, and how much is gathered before it is sent.
fn buffers() -> BufferSettings {
    BufferSettings::new(1000, 32 * 1024)
}

impl<T, U> Default for Codec<T, U> {
    fn default() -> Self {
        Self(PhantomData)
    }
}

impl<T, U> tonic::codec::Codec for Codec<T, U>
where
    T: Message + Send + 'static,
    U: Message + Default + Send + 'static,
{
    type Encode = T;
    type Decode = U;
    type Encoder = ProstEncoder<T>;
    type Decoder = ProstDecoder<U>;

    fn encoder(&mut self) -> Self::Encoder {
        ProstEncoder::new(buffers())
    }

    fn decoder(&mut self) -> Self::Decoder {
        ProstDecoder::new(buffers())
    }
}

/// What identity writes into access tokens (RFC 7519) and the gateway asks of them.
pub mod token {
    /// `iss`.
    pub const ISSUER: &str = "bibliotique";
    /// `aud`.
    pub const AUDIENCE: &str = "bibliotique";
}
