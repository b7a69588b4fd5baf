//! A proxy that adds time to each request, as a network would: what a client sends
//! is held back, what the server answers is not.

use std::time::Duration;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream, tcp::OwnedReadHalf, tcp::OwnedWriteHalf},
    sync::mpsc,
    time::{Instant, sleep_until},
};

/// What it adds to a request.
pub const DELAY: Duration = Duration::from_millis(50);

/// Serves in front of the endpoint `to`.
pub fn serve(listener: TcpListener, to: &str) {
    let server = to.trim_start_matches("http://").trim_end_matches('/');
    let server = server.to_string();
    tokio::spawn(async move {
        while let Ok((client, _)) = listener.accept().await {
            let server = server.clone();
            tokio::spawn(async move {
                let Ok(server) = TcpStream::connect(server).await else {
                    return;
                };
                let _ = (client.set_nodelay(true), server.set_nodelay(true));
                let (from_client, to_client) = client.into_split();
                let (from_server, to_server) = server.into_split();
                tokio::join!(
                    pass(from_client, to_server, DELAY),
                    pass(from_server, to_client, Duration::ZERO),
                );
            });
        }
    });
}

/// Passes on what comes, each piece so much later.
async fn pass(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, delay: Duration) {
    let (sender, mut pieces) = mpsc::unbounded_channel::<(Instant, Vec<u8>)>();
    let reading = async move {
        let mut buffer = vec![0; 64 * 1024];
        while let Ok(count @ 1..) = from.read(&mut buffer).await {
            let piece = buffer[..count].to_vec();
            if sender.send((Instant::now() + delay, piece)).is_err() {
                return;
            }
        }
    };
    let writing = async move {
        while let Some((due, piece)) = pieces.recv().await {
            sleep_until(due).await;
            if to.write_all(&piece).await.is_err() {
                return;
            }
        }
    };
    tokio::join!(reading, writing);
}
