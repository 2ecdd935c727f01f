//go:build !netbsd

package main

import (
	"time"

	"github.com/coreos/go-systemd/v22/daemon"
)

// What is told to the service manager (sd_notify(3)).
const (
	notifyReady    = daemon.SdNotifyReady
	notifyStopping = daemon.SdNotifyStopping
	notifyAlive    = daemon.SdNotifyWatchdog
)

// notify tells the service manager; without one it does nothing.
func notify(what string) { _, _ = daemon.SdNotify(false, what) }

// watchdogInterval is how often the service manager wants to hear that the program
// is alive; 0 for never.
func watchdogInterval() (time.Duration, error) { return daemon.SdWatchdogEnabled(false) }
