mod bmc;
mod garbage;
mod polls;
mod records;
mod walks;
