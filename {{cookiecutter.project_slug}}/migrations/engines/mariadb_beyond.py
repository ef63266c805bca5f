"""MariaDB and MySQL: what is in a database and cannot be in a model, in words."""

QUERY = """
    SELECT concat('trigger ', trigger_name, ' of ', event_object_table) FROM information_schema.triggers
    WHERE trigger_schema = database()
    UNION ALL
    SELECT concat('view ', table_name) FROM information_schema.views WHERE table_schema = database()
    UNION ALL
    SELECT concat(lower(routine_type), ' ', routine_name) FROM information_schema.routines
    WHERE routine_schema = database()
    UNION ALL
    SELECT concat('event ', event_name) FROM information_schema.events WHERE event_schema = database()
    UNION ALL
    SELECT concat('partitions of ', table_name) FROM information_schema.partitions
    WHERE table_schema = database() AND partition_name IS NOT NULL GROUP BY table_name
"""
