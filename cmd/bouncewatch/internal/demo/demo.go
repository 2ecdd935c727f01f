// Package demo plays mail: it writes what a Postfix, an Exim and a Sendmail
// would log while a big receiver begins to refuse them, and knows the truth
// about every line.
package demo

import (
	"context"
	"errors"
	"math/rand/v2"
	"time"
)

// A server is a kind of mail server that plays.
type server struct {
	name   string
	file   string
	share  int // of the mail, in tenths
	header func(at time.Time, program string) string
	write  func(*log, *message)
}

var servers = []server{
	{"postfix", "mail.log", 5, postfixHeader, writePostfix},
	{"exim", "mainlog", 3, eximHeader, writeExim},
	{"sendmail", "maillog", 2, sendmailHeader, writeSendmail},
}

// Rate is how many outcomes a second are played at speed 1.
const Rate = 20

// An Act is a scene and how long it lasts at speed 1.
type Act struct {
	Scene Scene
	For   time.Duration
}

// Acts are played again and again.
var Acts = []Act{{Calm, 15 * time.Second}, {Slow, 30 * time.Second}, {Block, time.Minute}, {Calm, 75 * time.Second}}

// Options say what is played.
type Options struct {
	Dir   string // an empty directory for the logs
	Seed  uint64 // the same seed and times, the same logs
	Speed float64
	Start time.Time
}

// A Player writes logs. It is for one goroutine.
type Player struct {
	Options
	logs   []*log
	tally  *Tally
	random *rand.Rand
	next   time.Duration // when the next message is due, at speed 1
	queue  []deferred    // in the order of their times
}

// A deferred message is tried again.
type deferred struct {
	at     time.Time
	server int
	*message
}

// New makes empty logs.
func New(o Options) (*Player, error) {
	p := &Player{Options: o, tally: newTally(), random: rand.New(rand.NewPCG(o.Seed, 0))}
	for _, s := range servers {
		l, err := newLog(o.Dir, s, p.tally)
		if err != nil {
			return nil, errors.Join(err, p.Close())
		}
		p.logs = append(p.logs, l)
	}
	return p, nil
}

// Logs are the files that are written.
func (p *Player) Logs() (paths []string) {
	for _, l := range p.logs {
		paths = append(paths, l.path)
	}
	return paths
}

// Played is the truth so far.
func (p *Player) Played() *Tally { return p.tally }

// Close closes the logs.
func (p *Player) Close() (err error) {
	for _, l := range p.logs {
		err = errors.Join(err, l.file.Close())
	}
	return err
}

// How long a deferred message waits: at speed 1, and in the past.
const (
	retry     = time.Minute
	pastRetry = 20 * time.Minute
)

// History plays the time before Start, thinly and without an incident.
func (p *Player) History(length, every time.Duration) error {
	for at := p.Start.Add(-length); at.Before(p.Start); at = at.Add(p.soon(every)) {
		p.retryUntil(at, pastRetry)
		p.message(at, Calm, pastRetry)
	}
	for i := range p.queue { // at once, or they would be out of order
		p.queue[i].at = p.Start
	}
	return p.flush()
}

// soon is a random time with the given mean: mail comes independently.
func (p *Player) soon(mean time.Duration) time.Duration {
	return time.Duration(p.random.ExpFloat64()*float64(mean)) + time.Nanosecond
}

// Play writes what is due until a time after Start.
func (p *Player) Play(elapsed time.Duration) error {
	until := time.Duration(float64(elapsed) * p.Speed)
	wait := p.played(retry)
	for ; p.next <= until; p.next += p.soon(time.Second / Rate) {
		at := p.Start.Add(p.played(p.next))
		p.retryUntil(at, wait)
		p.message(at, p.SceneAt(p.next), wait)
	}
	return p.flush()
}

// played is how long something takes at this speed that takes d at speed 1.
func (p *Player) played(d time.Duration) time.Duration {
	return time.Duration(float64(d) / p.Speed)
}

// SceneAt is what is played at a time after Start, at speed 1.
func (p *Player) SceneAt(t time.Duration) Scene {
	var cycle time.Duration
	for _, a := range Acts {
		cycle += a.For
	}
	if t < 0 {
		return Calm // before the beginning
	}
	t %= cycle
	for _, a := range Acts {
		if t < a.For {
			return a.Scene
		}
		t -= a.For
	}
	return Calm
}

// message plays a new one.
func (p *Player) message(at time.Time, s Scene, wait time.Duration) {
	i := 0
	for n := p.random.IntN(10); n >= servers[i].share; i++ {
		n -= servers[i].share
	}
	p.attempt(i, newMessage(p.random, pick(p.random, s, first), at), wait)
}

// retryUntil plays the attempts that are due.
func (p *Player) retryUntil(until time.Time, wait time.Duration) {
	for len(p.queue) > 0 && !p.queue[0].at.After(until) {
		next := p.queue[0]
		p.queue = p.queue[1:]
		next.attempt++
		scene := p.SceneAt(time.Duration(float64(next.at.Sub(p.Start)) * p.Speed))
		next.try(pick(p.random, scene, again(next.provider)), next.at)
		p.attempt(next.server, next.message, wait)
	}
}

func (p *Player) attempt(server int, m *message, wait time.Duration) {
	l := p.logs[server]
	l.at = m.at
	servers[server].write(l, m)
	if m.inbound {
		return
	}
	p.tally.end(servers[server].name, m)
	if m.attempt == 0 {
		m.first = m.cause
	}
	if m.status == "deferred" {
		p.queue = append(p.queue, deferred{m.at.Add(wait), server, m})
	}
}

func (p *Player) flush() (err error) {
	for _, l := range p.logs {
		err = errors.Join(err, l.flush())
	}
	return err
}

// tick is how often Run writes.
const tick = 100 * time.Millisecond

// Run plays until ctx ends. It calls say at the beginning of each scene.
func (p *Player) Run(ctx context.Context, say func(Scene)) error {
	ticker := time.NewTicker(tick)
	defer ticker.Stop()
	last := Calm
	for {
		select {
		case <-ctx.Done():
			return nil
		case now := <-ticker.C:
			if err := p.Play(now.Sub(p.Start)); err != nil {
				return err
			}
		}
		if s := p.SceneAt(p.next); s != last {
			last = s
			say(s)
		}
	}
}
