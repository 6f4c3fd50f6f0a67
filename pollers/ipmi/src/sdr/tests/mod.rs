mod bmc;
mod events;
mod garbage;
mod polls;
mod records;
mod walks;
