//! Sockets and conversations with devices.
