package main

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha1"
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"time"
)

// Payload types of the login (IPMI 2.0, table 13-16).
const (
	openSessionRequest = 0x10
	rakp1              = 0x12
	rakp3              = 0x14
)

// Administrator, looked up by name alone (clauses 13.17 and 13.20).
const (
	privilege = 0x04
	role      = 0x10 | privilege
)

// Opens a session of cipher suite 3 (clauses 13.17 to 13.24 and 13.31 to 13.32). None of this is measured.
func login(bmc, user, password string) (*session, error) {
	address, err := net.ResolveUDPAddr("udp", bmc)
	if err != nil {
		return nil, err
	}
	conn, err := net.DialUDP("udp", nil, address)
	if err != nil {
		return nil, err
	}
	var drawn [4 + 16]byte
	if _, err := rand.Read(drawn[:]); err != nil {
		return nil, err
	}
	drawn[0] |= 1
	consoleID, consoleRandom := drawn[:4], drawn[4:]
	name := append([]byte{role, byte(len(user))}, user...)

	request := concat([]byte{0, privilege, 0, 0}, consoleID,
		[]byte{0, 0, 0, 8, 1, 0, 0, 0}, []byte{1, 0, 0, 8, 1, 0, 0, 0}, []byte{2, 0, 0, 8, 1, 0, 0, 0})
	answer, err := ask(conn, openSessionRequest, request, 36)
	if err != nil {
		return nil, fmt.Errorf("open session: %w", err)
	}
	bmcID := answer[8:12]

	request = concat([]byte{0, 0, 0, 0}, bmcID, consoleRandom, []byte{role, 0, 0, byte(len(user))}, []byte(user))
	answer, err = ask(conn, rakp1, request, 60)
	if err != nil {
		return nil, fmt.Errorf("RAKP 2: %w", err)
	}
	bmcRandom, guid := answer[8:24], answer[24:40]
	if !hmac.Equal(mac(password, consoleID, bmcID, consoleRandom, bmcRandom, guid, name), answer[40:60]) {
		return nil, errors.New("RAKP 2: wrong code; is the password right?")
	}

	request = concat([]byte{0, 0, 0, 0}, bmcID, mac(password, bmcRandom, consoleID, name))
	answer, err = ask(conn, rakp3, request, 20)
	if err != nil {
		return nil, fmt.Errorf("RAKP 4: %w", err)
	}
	sik := string(mac(password, consoleRandom, bmcRandom, name))
	if !hmac.Equal(mac(sik, consoleRandom, bmcID, guid)[:12], answer[8:20]) {
		return nil, errors.New("RAKP 4: wrong code")
	}

	k1, k2 := mac(sik, bytes.Repeat([]byte{1}, 20)), mac(sik, bytes.Repeat([]byte{2}, 20))
	block, err := aes.NewCipher(k2[:16])
	if err != nil {
		return nil, err
	}
	iv := make([]byte, block.BlockSize())
	encrypt, can := cipher.NewCBCEncrypter(block, iv).(blockMode)
	decrypt, could := cipher.NewCBCDecrypter(block, iv).(blockMode)
	if !can || !could {
		return nil, errors.New("this Go cannot change the IV of a cipher that is kept")
	}
	return &session{
		conn:      conn,
		console:   binary.LittleEndian.Uint32(consoleID),
		bmc:       binary.LittleEndian.Uint32(bmcID),
		integrity: hmac.New(sha1.New, k1),
		encrypt:   encrypt,
		decrypt:   decrypt,
		block:     block.BlockSize(),
	}, nil
}

// One step of the login: the payload of its answer, of which so many bytes are needed.
func ask(conn *net.UDPConn, payload byte, data []byte, least int) ([]byte, error) {
	header := []byte{0x06, 0x00, 0xff, 0x07, 0x06, payload, 0, 0, 0, 0, 0, 0, 0, 0, byte(len(data)), 0}
	if _, err := conn.Write(append(header, data...)); err != nil {
		return nil, err
	}
	if err := conn.SetReadDeadline(time.Now().Add(limit)); err != nil {
		return nil, err
	}
	answer := make([]byte, 512)
	length, err := conn.Read(answer)
	if err != nil {
		return nil, err
	}
	from := rmcpHeader + sessionHeader
	// Each answer's type is the one after its request's.
	if length < from+2 || answer[5] != payload+1 {
		return nil, errors.New("an answer of another kind")
	}
	if status := answer[from+1]; status != 0 {
		return nil, fmt.Errorf("status %#x", status)
	}
	if length < from+least {
		return nil, fmt.Errorf("an answer of %d bytes", length)
	}
	return answer[from:length], nil
}

func mac(key string, parts ...[]byte) []byte {
	code := hmac.New(sha1.New, []byte(key))
	for _, part := range parts {
		code.Write(part)
	}
	return code.Sum(nil)
}

func concat(parts ...[]byte) []byte {
	return bytes.Join(parts, nil)
}
