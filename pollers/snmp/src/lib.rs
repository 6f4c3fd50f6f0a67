//! SNMP sessions, walks and value texts.
