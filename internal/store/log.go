package store

import (
	"context"
	"log/slog"
	"time"

	"gorm.io/gorm/logger"
)

// slowLogger reports slow statements by their text, which never holds a value. Errors go to the caller and are logged
// there, once.
type slowLogger struct {
	log  *slog.Logger
	slow time.Duration
}

var _ logger.Interface = slowLogger{}

func (l slowLogger) LogMode(logger.LogLevel) logger.Interface { return l }

func (l slowLogger) Info(context.Context, string, ...any)  {}
func (l slowLogger) Warn(context.Context, string, ...any)  {}
func (l slowLogger) Error(context.Context, string, ...any) {}

func (l slowLogger) Trace(ctx context.Context, begin time.Time, statement func() (string, int64), _ error) {
	took := time.Since(begin) //nolint:forbidigo // how long a statement took; no decision rests on it
	if took < l.slow {
		return
	}
	text, rows := statement()
	l.log.WarnContext(ctx, "slow statement", slog.Duration("took", took), slog.Int64("rows", rows), slog.String("sql", text))
}

// ParamsFilter keeps values out of the statement's text.
func (l slowLogger) ParamsFilter(_ context.Context, sql string, _ ...any) (string, []any) {
	return sql, nil
}
