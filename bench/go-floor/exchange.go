package main

import (
	"crypto/cipher"
	"crypto/hmac"
	"crypto/sha1"
	"encoding/binary"
	"errors"
	"fmt"
	"hash"
	"net"
	"time"
)

// How long one exchange may take.
const limit = 10 * time.Second

// Addresses in messages: the BMC, and a remote console's software (IPMI 2.0, clause 5.5).
const (
	bmcAddress     = 0x20
	consoleAddress = 0x81
)

// Network functions of requests (clause 5.1), and the commands used.
const (
	netFnChassis    = 0x00
	netFnApp        = 0x06
	cmdStatus       = 0x01
	cmdCloseSession = 0x3c
	completed       = 0x00
)

// Sizes of what is in a datagram (clauses 13.6 and 13.28.4).
const (
	rmcpHeader    = 4
	sessionHeader = 12
	code          = 12
)

// A session of cipher suite 3: HMAC-SHA1-96 and AES-CBC-128. Whatever can be kept from one exchange to the next is
// kept here, so that an exchange allocates nothing.
type session struct {
	conn             *net.UDPConn
	console, bmc     uint32
	sequence         uint32
	answered         uint32
	requester        byte
	integrity        hash.Hash
	encrypt, decrypt blockMode
	block            int
	request, answer  [512]byte
	sum              [sha1.Size]byte
}

// AES-CBC whose key schedule is kept while its IV changes.
type blockMode interface {
	cipher.BlockMode
	SetIV([]byte)
}

// Get Chassis Status (clause 28.2).
func (s *session) chassisStatus() error {
	data, err := s.exchange(netFnChassis, cmdStatus)
	if err != nil {
		return err
	}
	if len(data) < 3 {
		return fmt.Errorf("a chassis status of %d bytes", len(data))
	}
	return nil
}

// Close Session (clause 22.19).
func (s *session) close() error {
	var id [4]byte
	binary.LittleEndian.PutUint32(id[:], s.bmc)
	if _, err := s.exchange(netFnApp, cmdCloseSession, id[:]...); err != nil {
		return err
	}
	return s.conn.Close()
}

// One datagram out and one in, each with what the protocol wants done to it: a message with its checksums encrypted
// and signed, and an answer whose signature is compared, that is decrypted, and that has to be the answer to this
// request. The IV is not drawn at random, as it should be: that would be one system call more.
func (s *session) exchange(netFn, cmd byte, data ...byte) ([]byte, error) {
	if _, err := s.conn.Write(s.seal(netFn, cmd, data)); err != nil {
		return nil, err
	}
	if err := s.conn.SetReadDeadline(time.Now().Add(limit)); err != nil {
		return nil, err
	}
	length, err := s.conn.Read(s.answer[:])
	if err != nil {
		return nil, err
	}
	message, err := s.open(s.answer[:length])
	if err != nil {
		return nil, err
	}
	return s.read(message, netFn, cmd)
}

func (s *session) seal(netFn, cmd byte, data []byte) []byte {
	s.sequence++
	s.requester += 1 << 2
	iv := rmcpHeader + sessionHeader
	from := iv + s.block

	message := append(s.request[from:from], bmcAddress, netFn<<2, 0, consoleAddress, s.requester, cmd)
	message[2] = checksum(message[:2])
	message = append(message, data...)
	message = append(message, checksum(message[3:]))
	// Pad bytes 1, 2, 3 and so on, and their number (clause 13.29).
	pad := s.block - 1 - len(message)%s.block
	for number := 1; number <= pad; number++ {
		message = append(message, byte(number))
	}
	message = append(message, byte(pad))

	header := append(s.request[:0], 0x06, 0x00, 0xff, 0x07, 0x06, 0xc0)
	header = binary.LittleEndian.AppendUint32(header, s.bmc)
	header = binary.LittleEndian.AppendUint32(header, s.sequence)
	binary.LittleEndian.AppendUint16(header, uint16(s.block+len(message)))
	binary.LittleEndian.PutUint32(s.request[iv:], s.sequence)
	s.encrypt.SetIV(s.request[iv:from])
	s.encrypt.CryptBlocks(message, message)

	// What is signed is a multiple of four bytes (clause 13.28.4): the header and the encrypted payload are.
	datagram := append(s.request[:from+len(message)], 0xff, 0xff, 0x02, 0x07)
	return append(datagram, s.sign(datagram[rmcpHeader:])[:code]...)
}

// The message in a datagram, its pad taken off.
func (s *session) open(datagram []byte) ([]byte, error) {
	signed := len(datagram) - code
	from := rmcpHeader + sessionHeader
	if signed < from+2*s.block || datagram[3] != 0x07 || datagram[4] != 0x06 || datagram[5] != 0xc0 {
		return nil, errors.New("an answer that is no message of a session")
	}
	id, sequence := binary.LittleEndian.Uint32(datagram[6:]), binary.LittleEndian.Uint32(datagram[10:])
	if id != s.console || sequence <= s.answered {
		return nil, errors.New("an answer of another session, or an old one")
	}
	if !hmac.Equal(s.sign(datagram[rmcpHeader:signed])[:code], datagram[signed:]) {
		return nil, errors.New("an answer with a wrong code")
	}
	s.answered = sequence
	length := int(binary.LittleEndian.Uint16(datagram[14:]))
	if length < 2*s.block || length%s.block != 0 || from+length > signed {
		return nil, errors.New("an answer of a wrong length")
	}
	payload := datagram[from : from+length]
	message := payload[s.block:]
	s.decrypt.SetIV(payload[:s.block])
	s.decrypt.CryptBlocks(message, message)
	pad := int(message[len(message)-1])
	if pad >= len(message) {
		return nil, errors.New("an answer with a wrong pad")
	}
	return message[:len(message)-1-pad], nil
}

// The data of an answer (clause 13.8).
func (s *session) read(message []byte, netFn, cmd byte) ([]byte, error) {
	last := len(message) - 1
	if last < 7 || checksum(message[:2]) != message[2] || checksum(message[3:last]) != message[last] {
		return nil, errors.New("an answer with a wrong checksum")
	}
	if message[1]>>2 != netFn+1 || message[4]&0xfc != s.requester || message[5] != cmd {
		return nil, errors.New("an answer to something else")
	}
	if message[6] != completed {
		return nil, fmt.Errorf("completion code %#x", message[6])
	}
	return message[7:last], nil
}

func (s *session) sign(bytes []byte) []byte {
	s.integrity.Reset()
	s.integrity.Write(bytes)
	return s.integrity.Sum(s.sum[:0])
}

func checksum(bytes []byte) byte {
	var sum byte
	for _, value := range bytes {
		sum += value
	}
	return -sum
}
