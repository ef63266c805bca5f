-- A video shop, after the sample database Sakila: named and unnamed constraints, triggers, views, INT keys.
CREATE TABLE actor (
    actor_id INTEGER NOT NULL,
    first_name VARCHAR(45) NOT NULL,
    last_name VARCHAR(45) NOT NULL,
    last_update TIMESTAMP NOT NULL,
    PRIMARY KEY (actor_id)
);
CREATE INDEX idx_actor_last_name ON actor (last_name);
CREATE TABLE country (
    country_id SMALLINT NOT NULL,
    country VARCHAR(50) NOT NULL,
    last_update TIMESTAMP,
    PRIMARY KEY (country_id)
);
CREATE TABLE city (
    city_id INT NOT NULL,
    city VARCHAR(50) NOT NULL,
    country_id SMALLINT NOT NULL,
    PRIMARY KEY (city_id),
    CONSTRAINT fk_city_country FOREIGN KEY (country_id) REFERENCES country (country_id)
        ON DELETE NO ACTION ON UPDATE CASCADE
);
CREATE TABLE address (
    address_id INT NOT NULL,
    address VARCHAR(50) NOT NULL,
    address2 VARCHAR(50) DEFAULT NULL,
    city_id INT NOT NULL,
    PRIMARY KEY (address_id),
    CONSTRAINT fk_address_city FOREIGN KEY (city_id) REFERENCES city (city_id) ON UPDATE CASCADE
);
CREATE TABLE language (language_id SMALLINT NOT NULL, name CHAR(20) NOT NULL, PRIMARY KEY (language_id));
CREATE TABLE category (category_id SMALLINT NOT NULL, name VARCHAR(25) NOT NULL, PRIMARY KEY (category_id));
CREATE TABLE store (
    store_id INTEGER NOT NULL PRIMARY KEY,
    manager_staff_id SMALLINT NOT NULL REFERENCES staff (staff_id),
    address_id INT NOT NULL REFERENCES address (address_id)
);
CREATE TABLE staff (
    staff_id SMALLINT NOT NULL PRIMARY KEY,
    first_name VARCHAR(45) NOT NULL,
    picture BLOB DEFAULT NULL,
    email VARCHAR(50) DEFAULT NULL,
    store_id INT NOT NULL,
    active SMALLINT DEFAULT 1 NOT NULL,
    CONSTRAINT fk_staff_store FOREIGN KEY (store_id) REFERENCES store (store_id) ON UPDATE CASCADE
);
CREATE TABLE film (
    film_id INT NOT NULL PRIMARY KEY,
    title VARCHAR(255) NOT NULL,
    description BLOB SUB_TYPE TEXT DEFAULT NULL,
    release_year VARCHAR(4) DEFAULT NULL,
    language_id SMALLINT NOT NULL,
    original_language_id SMALLINT DEFAULT NULL,
    rental_rate DECIMAL(4,2) DEFAULT 4.99 NOT NULL,
    rating VARCHAR(10) DEFAULT 'G',
    special_features VARCHAR(100) DEFAULT NULL,
    CONSTRAINT check_special_rating CHECK (rating IN ('G', 'PG', 'PG-13', 'R', 'NC-17')),
    CHECK (special_features IS NULL OR special_features LIKE '%Trailers%' OR special_features LIKE '%(cut)%'),
    CONSTRAINT fk_film_language FOREIGN KEY (language_id) REFERENCES language (language_id),
    CONSTRAINT fk_film_language_original FOREIGN KEY (original_language_id) REFERENCES language (language_id)
);
CREATE TABLE film_actor (
    actor_id INT NOT NULL REFERENCES actor (actor_id),
    film_id INT NOT NULL REFERENCES film (film_id) ON DELETE CASCADE,
    last_update TIMESTAMP NOT NULL DEFAULT (datetime('now')),
    PRIMARY KEY (film_id, actor_id)
);
CREATE TABLE film_category (
    film_id INT NOT NULL REFERENCES film (film_id),
    category_id SMALLINT NOT NULL REFERENCES category (category_id),
    PRIMARY KEY (film_id, category_id)
) WITHOUT ROWID;
CREATE TABLE film_text (film_id SMALLINT NOT NULL PRIMARY KEY, title VARCHAR(255) NOT NULL, description TEXT);
CREATE TABLE customer (
    customer_id INT NOT NULL PRIMARY KEY,
    store_id INT NOT NULL REFERENCES store,
    email VARCHAR(50) DEFAULT NULL UNIQUE ON CONFLICT ABORT,
    address_id INT NOT NULL REFERENCES address,
    active CHAR(1) DEFAULT 'Y' NOT NULL CHECK (active IN ('Y', 'N'))
);
CREATE TABLE inventory (
    inventory_id INTEGER NOT NULL PRIMARY KEY,
    film_id INT NOT NULL CONSTRAINT fk_inventory_film REFERENCES film (film_id) ON UPDATE CASCADE,
    store_id INT NOT NULL REFERENCES store (store_id)
);
CREATE TABLE rental (
    rental_id INTEGER NOT NULL PRIMARY KEY,
    rental_date TIMESTAMP NOT NULL,
    inventory_id INT NOT NULL REFERENCES inventory (inventory_id),
    customer_id INT NOT NULL REFERENCES customer (customer_id)
);
CREATE UNIQUE INDEX idx_rental_uq ON rental (rental_date, inventory_id, customer_id);
CREATE TABLE payment (
    payment_id INTEGER NOT NULL PRIMARY KEY,
    rental_id INT REFERENCES rental (rental_id) ON DELETE SET NULL ON UPDATE CASCADE,
    amount DECIMAL(5,2) NOT NULL
);
CREATE VIEW film_list AS SELECT film.film_id, category.name FROM film
    JOIN film_category USING (film_id) JOIN category USING (category_id);
CREATE TRIGGER actor_updated AFTER UPDATE ON actor BEGIN
    UPDATE actor SET last_update = datetime('now') WHERE rowid = new.rowid;
END;
INSERT INTO actor VALUES (1, 'Ann', 'A', '2020-01-01'), (2, 'Ben', 'B', '2020-01-01');
INSERT INTO country VALUES (1, 'Far', NULL);
INSERT INTO city VALUES (1, 'Away', 1);
INSERT INTO address VALUES (1, 'Road 1', NULL, 1);
INSERT INTO language VALUES (1, 'English');
INSERT INTO category VALUES (1, 'Action');
INSERT INTO store VALUES (1, 1, 1);
INSERT INTO staff VALUES (1, 'Mike', x'FFD8', NULL, 1, 1);
INSERT INTO film VALUES (1, 'Dinosaur', 'Long ago', '2006', 1, NULL, 0.99, 'PG-13', 'Trailers');
INSERT INTO film_actor (actor_id, film_id) VALUES (1, 1), (2, 1);
INSERT INTO film_category VALUES (1, 1);
INSERT INTO film_text VALUES (1, 'Dinosaur', NULL);
INSERT INTO customer VALUES (1, 1, 'c@x', 1, 'Y');
INSERT INTO inventory VALUES (1, 1, 1);
INSERT INTO rental VALUES (1, '2005-05-24 22:53:30', 1, 1);
INSERT INTO payment VALUES (1, 1, 2.99), (2, NULL, 0.99);
