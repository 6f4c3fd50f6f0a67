//! The floor for blocking sockets: a datagram of the request's size out and one of the answer's size in, each with one
//! HMAC-SHA1-96 and one AES-CBC-128, and nothing else.

use std::{
    io::Write,
    net::{SocketAddr, UdpSocket},
};

use aes::Aes128;
use cbc::cipher::{BlockModeDecrypt, BlockModeEncrypt, KeyIvInit, block_padding::NoPadding};
use hmac::{Hmac, KeyInit, Mac};
use sha1::Sha1;

use super::{LIMIT, blocking::Session};
use crate::cost::Error;

/// RMCP and session header, IV and one block, pad and code of a Get Chassis Status and of its answer alike.
const DATAGRAM: usize = 4 + 12 + 32 + 2 + 2 + 12;
const CODE: usize = 12;
const SIGNED: std::ops::Range<usize> = 4..DATAGRAM - CODE;
const DATA: std::ops::Range<usize> = 32..48;
const KEY: [u8; 20] = [7; 20];

pub struct Exchange(UdpSocket);

impl Exchange {
    pub fn open(peer: SocketAddr, _password: &str) -> Result<Self, Error> {
        let socket = UdpSocket::bind("127.0.0.1:0")?;
        socket.connect(peer)?;
        socket.set_read_timeout(Some(LIMIT))?;
        Ok(Self(socket))
    }
}

impl Session for Exchange {
    fn poll(&mut self) -> bool {
        let mut datagram = [0x5a; DATAGRAM];
        let sealed = cbc::Encryptor::<Aes128>::new((&[3; 16]).into(), (&[9; 16]).into())
            .encrypt_padded::<NoPadding>(&mut datagram[DATA], 16)
            .is_ok();
        let code = hmac(&datagram[SIGNED]);
        datagram[DATAGRAM - CODE..].copy_from_slice(&code);
        if !sealed || self.0.send(&datagram).is_err() {
            return false;
        }
        let mut answer = [0; 1500];
        let Ok(DATAGRAM) = self.0.recv(&mut answer) else { return false };
        hmac(&answer[SIGNED]) == answer[DATAGRAM - CODE..DATAGRAM]
            && cbc::Decryptor::<Aes128>::new((&[3; 16]).into(), (&[9; 16]).into())
                .decrypt_padded::<NoPadding>(&mut answer[DATA])
                .is_ok()
    }

    fn close(&mut self) {}
}

fn hmac(signed: &[u8]) -> [u8; CODE] {
    let mut mac = Hmac::<Sha1>::new_from_slice(&KEY).expect("a key of any length");
    mac.update(signed);
    let code = mac.finalize().into_bytes();
    std::array::from_fn(|at| code[at])
}

/// Sends every datagram back, and says first where it listens. Ends when its standard input does.
pub fn echo() -> Result<(), Error> {
    let socket = UdpSocket::bind("127.0.0.1:0")?;
    println!("{}", socket.local_addr()?);
    std::io::stdout().flush()?;
    let answers = socket.try_clone()?;
    std::thread::spawn(move || {
        let mut buffer = [0; 1500];
        while let Ok((length, peer)) = answers.recv_from(&mut buffer) {
            let _ = answers.send_to(&buffer[..length], peer);
        }
    });
    std::io::copy(&mut std::io::stdin(), &mut std::io::sink())?;
    Ok(())
}
