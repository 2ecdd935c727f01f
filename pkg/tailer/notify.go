package tailer

import (
	"log/slog"

	"github.com/fsnotify/fsnotify"
)

// A notifier wakes the Follower when something happens in a directory with logs. It is never
// believed: without it, changes are found at the next look.
type notifier struct {
	watcher *fsnotify.Watcher // nil where the system has none left
	changed chan struct{}
	writes  bool // wake for what is written, too; the engine sees that by itself
	dirs    map[string]bool
	logger  *slog.Logger
}

func newNotifier(writes bool, logger *slog.Logger) *notifier {
	n := &notifier{changed: make(chan struct{}, 1), writes: writes, dirs: map[string]bool{}, logger: logger}
	w, err := fsnotify.NewWatcher()
	if err != nil {
		logger.Debug("no notification of changes: looking at intervals only", "err", err)
		return n
	}
	n.watcher = w
	go n.forward(w)
	return n
}

// forward ends when the watcher is closed.
func (n *notifier) forward(w *fsnotify.Watcher) {
	for {
		select {
		case e, ok := <-w.Events:
			if !ok {
				return
			}
			if e.Op == fsnotify.Write && !n.writes {
				continue
			}
			select {
			case n.changed <- struct{}{}:
			default:
			}
		case _, ok := <-w.Errors: // an overflow loses nothing but the wake-up
			if !ok {
				return
			}
		}
	}
}

func (n *notifier) watch(dirs []string) {
	for _, d := range dirs {
		if n.watcher == nil || n.dirs[d] {
			continue
		}
		if err := n.watcher.Add(d); err != nil {
			n.logger.Debug("no notification of changes in a directory", "dir", d, "err", err)
			continue
		}
		n.dirs[d] = true
	}
}

func (n *notifier) close() error {
	if n.watcher == nil {
		return nil
	}
	return n.watcher.Close()
}
