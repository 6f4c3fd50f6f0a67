// What a client in Go that has a UDP socket and a goroutine for each BMC, and that blocks for each answer, cannot do
// without: see exchange.go. It is a program of rackpoll-bench, which tells it on its standard input how long to poll.
package main

import (
	"bufio"
	"flag"
	"fmt"
	"os"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "go-floor:", err)
		os.Exit(1)
	}
}

func run() error {
	user := flag.String("user", "", "user of all BMCs")
	password := flag.String("password", "", "password of all BMCs")
	threads := flag.Int("threads", 1, "GOMAXPROCS")
	flag.Parse()
	runtime.GOMAXPROCS(*threads)

	sessions := make([]*session, 0, flag.NArg())
	for _, bmc := range flag.Args() {
		session, err := login(bmc, *user, *password)
		if err != nil {
			return fmt.Errorf("%s: %w", bmc, err)
		}
		sessions = append(sessions, session)
	}
	fmt.Println("ready")

	lines := bufio.NewScanner(os.Stdin)
	for lines.Scan() {
		milliseconds, err := strconv.Atoi(strings.TrimSuffix(lines.Text(), " ms"))
		if err != nil {
			return fmt.Errorf("no span: %q", lines.Text())
		}
		cost, err := round(sessions, time.Duration(milliseconds)*time.Millisecond)
		if err != nil {
			return err
		}
		fmt.Println(cost)
	}
	if err := lines.Err(); err != nil {
		return err
	}
	for _, session := range sessions {
		if err := session.close(); err != nil {
			return err
		}
	}
	return nil
}

// The polls of one session in one round.
type count struct {
	polls, failed uint64
	why           error
}

// All sessions at once, each again as soon as it is answered. The answer is what rackpoll-bench reads as a cost.
func round(sessions []*session, span time.Duration) (string, error) {
	counts := make([]count, len(sessions))
	var ended atomic.Bool
	var working sync.WaitGroup
	begun := time.Now()
	before, err := processorTime()
	if err != nil {
		return "", err
	}
	for place := range sessions {
		working.Add(1)
		go func(session *session, counted *count) {
			defer working.Done()
			var count count
			for !ended.Load() {
				count.polls++
				if err := session.chassisStatus(); err != nil {
					count.failed++
					count.why = err
				}
			}
			*counted = count
		}(sessions[place], &counts[place])
	}
	time.Sleep(span)
	ended.Store(true)
	working.Wait()
	after, err := processorTime()
	if err != nil {
		return "", err
	}
	wall := time.Since(begun).Seconds()

	var all count
	for _, count := range counts {
		all.polls += count.polls
		all.failed += count.failed
		if count.why != nil {
			all.why = count.why
		}
	}
	if all.why != nil {
		fmt.Fprintln(os.Stderr, "go-floor:", all.why)
	}
	return fmt.Sprintf("%f %f %d %d", after-before, wall, all.polls, all.failed), nil
}

// Seconds, user and system, of this process.
func processorTime() (float64, error) {
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		return 0, err
	}
	return float64(usage.Utime.Nano()+usage.Stime.Nano()) / 1e9, nil
}
