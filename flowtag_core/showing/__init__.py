"""Pure functions that turn a report into what people look at: tables, charts and sentences."""
