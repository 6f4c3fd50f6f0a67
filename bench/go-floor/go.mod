module rackpoll/bench/go-floor

go 1.19
