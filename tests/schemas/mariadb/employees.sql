-- Staff, after the sample database employees: INT keys that nobody numbers, composite keys, CASCADE, views, a CHECK.
CREATE TABLE employees (
    emp_no int NOT NULL,
    birth_date date NOT NULL,
    first_name varchar(14) NOT NULL,
    last_name varchar(16) NOT NULL COMMENT 'as in the passport',
    gender enum('M','F') NOT NULL,
    hire_date date NOT NULL,
    full_name varchar(40) GENERATED ALWAYS AS (concat(first_name, ' ', last_name)) STORED,
    CHECK (hire_date > birth_date),
    PRIMARY KEY (emp_no)
) COMMENT 'one row per head';
CREATE TABLE departments (
    dept_no char(4) NOT NULL,
    dept_name varchar(40) NOT NULL,
    budget decimal(12,2) DEFAULT NULL CHECK (budget >= 0),
    settings json DEFAULT NULL,
    PRIMARY KEY (dept_no),
    UNIQUE KEY (dept_name)
);
CREATE TABLE dept_manager (
    emp_no int NOT NULL,
    dept_no char(4) NOT NULL,
    from_date date NOT NULL,
    to_date date NOT NULL,
    FOREIGN KEY (emp_no) REFERENCES employees (emp_no) ON DELETE CASCADE,
    FOREIGN KEY (dept_no) REFERENCES departments (dept_no) ON DELETE CASCADE,
    PRIMARY KEY (emp_no, dept_no)
);
CREATE TABLE dept_emp (
    emp_no int NOT NULL,
    dept_no char(4) NOT NULL,
    from_date date NOT NULL,
    to_date date NOT NULL,
    FOREIGN KEY (emp_no) REFERENCES employees (emp_no) ON DELETE CASCADE,
    FOREIGN KEY (dept_no) REFERENCES departments (dept_no) ON DELETE CASCADE,
    PRIMARY KEY (emp_no, dept_no)
);
CREATE TABLE titles (
    emp_no int NOT NULL,
    title varchar(50) NOT NULL,
    from_date date NOT NULL,
    to_date date,
    FOREIGN KEY (emp_no) REFERENCES employees (emp_no) ON DELETE CASCADE,
    PRIMARY KEY (emp_no, title, from_date)
);
CREATE TABLE salaries (
    emp_no int NOT NULL,
    salary int NOT NULL,
    from_date date NOT NULL,
    to_date date NOT NULL,
    FOREIGN KEY (emp_no) REFERENCES employees (emp_no) ON DELETE CASCADE,
    PRIMARY KEY (emp_no, from_date)
);
CREATE VIEW dept_emp_latest_date AS SELECT emp_no, max(from_date) AS from_date FROM dept_emp GROUP BY emp_no;
INSERT INTO employees (emp_no, birth_date, first_name, last_name, gender, hire_date) VALUES
    (10001, '1953-09-02', 'Georgi', 'F', 'M', '1986-06-26'), (10002, '1964-06-02', 'Bezalel', 'S', 'F', '1985-11-21');
INSERT INTO departments VALUES ('d001', 'Sales', 10.50, '{"a":1}'), ('d002', 'Works', NULL, NULL);
INSERT INTO dept_manager VALUES (10001, 'd001', '1986-06-26', '9999-01-01');
INSERT INTO dept_emp VALUES (10001, 'd001', '1986-06-26', '9999-01-01'), (10002, 'd002', '1985-11-21', '9999-01-01');
INSERT INTO titles VALUES (10001, 'Senior', '1986-06-26', NULL);
INSERT INTO salaries VALUES (10001, 60117, '1986-06-26', '1987-06-26');
