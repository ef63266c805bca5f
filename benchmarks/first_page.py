"""Times the first page of a generated project, on a database with 300 tables.

`python benchmarks/run.py` has it on SQLite. With the Python of a generated project, in its folder:
`python …/first_page.py URL` measures it on another database, which it fills with tables.
"""

import sys
import time
from pathlib import Path
from statistics import median

TABLES, ROWS, RESPONSES = 300, 2000, 11


def measure(url: str) -> float:
    """Return the median time of a response in seconds. The first one, which loads modules, does not count."""
    sys.path.insert(0, str(Path.cwd()))
    from my_app import create_app
    from my_app.database import db

    # As a test: in debug mode, the pending page takes its place, as no revision has made these tables.
    app = create_app({"DATABASE_URL": url, "TESTING": True, "SECRET_KEY": "benchmark"})
    with app.app_context(), db.engine.begin() as connection:
        columns = "id INTEGER PRIMARY KEY, name VARCHAR(50)"
        for number in range(TABLES):
            connection.exec_driver_sql(f"CREATE TABLE table_{number:03} ({columns})")
        for number in range(0, TABLES, 10):  # one in ten is larger than what is counted
            values = ", ".join(f"({row}, 'row {row}')" for row in range(ROWS))
            connection.exec_driver_sql(f"INSERT INTO table_{number:03} VALUES {values}")
    client = app.test_client()
    times = []
    for _ in range(RESPONSES + 1):
        start = time.perf_counter()
        page = client.get("/").text
        times.append(time.perf_counter() - start)
    assert "table_299" in page and "more than 1,000 rows" in page
    return median(times[1:])


if __name__ == "__main__":
    print(f"{measure(sys.argv[1]):.3f}")
