package main

import "time"

// NetBSD has no service manager that wants to be told anything.
const notifyReady, notifyStopping, notifyAlive = "", "", ""

func notify(string) {}

func watchdogInterval() (time.Duration, error) { return 0, nil }
