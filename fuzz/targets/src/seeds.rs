//! What seeds are made of: messages of our own encoders.

use rackpoll_ipmi::{
    command::{Request, Response},
    wire::{BMC_ADDRESS, CONSOLE_ADDRESS, LanRequest, LanResponse},
};

/// Two's complement checksums of a LAN message made right, so that what is behind them is reached (IPMI 2.0 clause 13.8).
pub(crate) fn with_right_checksums(message: &[u8]) -> Vec<u8> {
    let mut message = message.to_vec();
    let sum = |bytes: &[u8]| bytes.iter().fold(0u8, |sum, byte| sum.wrapping_add(*byte));
    if let Some((header, body)) = message.split_first_chunk_mut::<3>() {
        header[2] = sum(&header[..2]).wrapping_neg();
        if let Some((last, rest)) = body.split_last_mut() {
            *last = sum(rest).wrapping_neg();
        }
    }
    message
}

/// The LAN message of a request.
pub(crate) fn lan_request(request: &Request, sequence: u8) -> Vec<u8> {
    let mut message = Vec::new();
    lan(request, sequence).encode(&mut message);
    message
}

/// The LAN message of its answer.
pub(crate) fn lan_response(request: &Request, sequence: u8, response: &Response) -> Vec<u8> {
    let mut message = Vec::new();
    LanResponse::to(&lan(request, sequence), response.completion, &response.data).encode(&mut message);
    message
}

fn lan(request: &Request, sequence: u8) -> LanRequest<'_> {
    LanRequest {
        responder: BMC_ADDRESS,
        lun: request.lun,
        netfn: request.netfn,
        requester: CONSOLE_ADDRESS,
        requester_lun: 0,
        sequence,
        command: request.command,
        data: &request.data,
    }
}
