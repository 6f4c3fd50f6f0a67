//! A simulated rack.
