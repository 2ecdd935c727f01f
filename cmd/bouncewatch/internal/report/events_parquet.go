package report

import (
	"io"
	"time"

	"github.com/parquet-go/parquet-go"
)

// A parquetEvent has the names and values of the JSON; what is not known
// is null. Times are typed, and count says how many outcomes a row is, so that
// sum(count) is what the report says. docs/events.md describes the columns.
type parquetEvent struct {
	Source          string     `parquet:"source,dict"`
	Line            int64      `parquet:"line,delta"`
	Time            *time.Time `parquet:"time,timestamp(microsecond)"`
	MTA             string     `parquet:"mta,dict"`
	Program         string     `parquet:"program,optional,dict"`
	Host            string     `parquet:"host,optional,dict"`
	QueueID         string     `parquet:"queue_id,optional"`
	Direction       string     `parquet:"direction,optional,dict"`
	Status          string     `parquet:"status,optional,dict"`
	Code            string     `parquet:"code,optional,dict"`
	Enhanced        string     `parquet:"enhanced,optional,dict"`
	DSN             string     `parquet:"dsn,optional,dict"`
	Class           string     `parquet:"class,optional,dict"`
	Stage           string     `parquet:"stage,optional,dict"`
	Cause           string     `parquet:"cause,optional,dict"`
	Actor           string     `parquet:"actor,optional,dict"`
	Label           string     `parquet:"label,optional,dict"`
	Provider        string     `parquet:"provider,optional,dict"`
	Recipient       string     `parquet:"recipient,optional"`
	RecipientDomain string     `parquet:"recipient_domain,optional,dict"`
	Recipients      int32      `parquet:"recipients"`
	Repeat          int32      `parquet:"repeat"`
	Count           int64      `parquet:"count"`
	RelayHost       string     `parquet:"relay_host,optional,dict"`
	RelayIP         string     `parquet:"relay_ip,optional,dict"`
	RelayPort       int32      `parquet:"relay_port,optional,dict"`
	ClientIP        string     `parquet:"client_ip,optional,dict"`
	Sender          string     `parquet:"sender,optional,dict"`
	DelaySeconds    *float64   `parquet:"delay_seconds,optional"`
	Text            string     `parquet:"text,optional"`
	Remark          bool       `parquet:"remark"`
}

const (
	// parquetGroup is how many rows a row group has: what the writer keeps in
	// memory, some tens of megabytes, and what a reader can leave out by the
	// least and greatest time.
	parquetGroup = 1 << 17
	parquetBatch = 512
)

// eventParquet writes one Parquet file, compressed with zstd.
type eventParquet struct {
	file *parquet.GenericWriter[parquetEvent]
	rows []parquetEvent
}

func newEventParquet(w io.Writer) eventWriter {
	return &eventParquet{
		file: parquet.NewGenericWriter[parquetEvent](w, parquet.Compression(&parquet.Zstd), parquet.MaxRowsPerRowGroup(parquetGroup)),
		rows: make([]parquetEvent, 0, parquetBatch),
	}
}

func (p *eventParquet) write(ev *Event) error {
	p.rows = append(p.rows, parquetRow(ev))
	if len(p.rows) < parquetBatch {
		return nil
	}
	return p.flush()
}

func (p *eventParquet) flush() error {
	_, err := p.file.Write(p.rows)
	p.rows = p.rows[:0]
	return err
}

func (p *eventParquet) close() error {
	if err := p.flush(); err != nil {
		return err
	}
	return p.file.Close()
}

func parquetRow(ev *Event) parquetEvent {
	row := parquetEvent{
		Source: ev.Source, Line: ev.Line, MTA: ev.MTA, Program: ev.Program, Host: ev.Host, QueueID: ev.QueueID,
		Direction: ev.Direction, Status: ev.Status, Code: ev.Code, Enhanced: ev.Enhanced, DSN: ev.DSN, Class: ev.Class,
		Stage: ev.Stage, Cause: ev.Cause, Actor: ev.Actor, Label: ev.Label, Provider: ev.Provider,
		Recipient: ev.Recipient, RecipientDomain: ev.RecipientDomain, Recipients: int32(ev.Recipients),
		Repeat: int32(ev.Repeat), Count: int64(ev.count),
		RelayHost: ev.RelayHost, RelayIP: ev.RelayIP, RelayPort: int32(ev.RelayPort), ClientIP: ev.ClientIP,
		Sender: ev.Sender, DelaySeconds: ev.DelaySeconds, Text: ev.Text, Remark: ev.Remark,
	}
	if !ev.at.IsZero() {
		row.Time = &ev.at
	}
	return row
}
