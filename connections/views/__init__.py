"""Pages about connections and members' calendars: one file per noun."""
