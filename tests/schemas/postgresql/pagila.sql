-- A video shop, after the sample database Pagila: enum, arrays, full text, BYTEA, triggers, functions, views.
CREATE TYPE mpaa_rating AS ENUM ('G', 'PG', 'PG-13', 'R', 'NC-17');
CREATE SEQUENCE customer_customer_id_seq;
CREATE FUNCTION last_updated() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.last_update = CURRENT_TIMESTAMP;
    RETURN NEW;
END $$;
CREATE TABLE actor (
    actor_id serial PRIMARY KEY,
    first_name character varying(45) NOT NULL,
    last_name character varying(45) NOT NULL,
    last_update timestamp with time zone DEFAULT now() NOT NULL
);
CREATE INDEX idx_actor_last_name ON actor USING btree (last_name);
CREATE TABLE category (category_id serial PRIMARY KEY, name character varying(25) NOT NULL);
CREATE TABLE country (country_id serial PRIMARY KEY, country character varying(50) NOT NULL);
CREATE TABLE city (
    city_id serial PRIMARY KEY,
    city character varying(50) NOT NULL,
    country_id integer NOT NULL REFERENCES country (country_id) ON UPDATE CASCADE ON DELETE RESTRICT
);
CREATE TABLE address (
    address_id serial PRIMARY KEY,
    address character varying(50) NOT NULL,
    city_id integer NOT NULL REFERENCES city (city_id) ON UPDATE CASCADE ON DELETE RESTRICT
);
CREATE TABLE language (language_id serial PRIMARY KEY, name character(20) NOT NULL);
CREATE TABLE film (
    film_id serial PRIMARY KEY,
    title character varying(255) NOT NULL,
    description text,
    release_year integer CHECK (release_year >= 1901 AND release_year <= 2155),
    language_id smallint NOT NULL REFERENCES language (language_id),
    original_language_id smallint REFERENCES language (language_id),
    rental_duration smallint DEFAULT 3 NOT NULL,
    rental_rate numeric(4,2) DEFAULT 4.99 NOT NULL,
    rating mpaa_rating DEFAULT 'G'::mpaa_rating,
    special_features text[],
    fulltext tsvector NOT NULL
);
CREATE INDEX film_fulltext_idx ON film USING gist (fulltext);
CREATE INDEX idx_title ON film (title);
CREATE TABLE film_actor (
    actor_id integer NOT NULL REFERENCES actor (actor_id),
    film_id integer NOT NULL REFERENCES film (film_id) ON DELETE CASCADE,
    last_update timestamp with time zone DEFAULT now() NOT NULL,
    PRIMARY KEY (actor_id, film_id)
);
CREATE TABLE film_category (
    film_id integer NOT NULL REFERENCES film (film_id),
    category_id integer NOT NULL REFERENCES category (category_id),
    CONSTRAINT film_category_pkey PRIMARY KEY (film_id, category_id)
);
CREATE TABLE store (
    store_id serial PRIMARY KEY,
    manager_staff_id integer NOT NULL UNIQUE,
    address_id integer NOT NULL REFERENCES address (address_id)
);
CREATE TABLE staff (
    staff_id serial PRIMARY KEY,
    first_name character varying(45) NOT NULL,
    email character varying(50),
    store_id integer NOT NULL REFERENCES store (store_id),
    active boolean DEFAULT true NOT NULL,
    picture bytea
);
CREATE TABLE customer (
    customer_id integer DEFAULT nextval('customer_customer_id_seq'::regclass) NOT NULL PRIMARY KEY,
    store_id integer NOT NULL REFERENCES store (store_id),
    first_name character varying(45) NOT NULL,
    email character varying(50),
    address_id integer NOT NULL REFERENCES address (address_id),
    activebool boolean DEFAULT true NOT NULL,
    create_date date DEFAULT ('now'::text)::date NOT NULL
);
CREATE TABLE inventory (
    inventory_id serial PRIMARY KEY,
    film_id integer NOT NULL REFERENCES film (film_id),
    store_id integer NOT NULL REFERENCES store (store_id)
);
CREATE INDEX idx_store_id_film_id ON inventory (store_id, film_id);
CREATE TABLE rental (
    rental_id serial PRIMARY KEY,
    rental_date timestamp with time zone NOT NULL,
    inventory_id integer NOT NULL REFERENCES inventory (inventory_id),
    customer_id integer NOT NULL REFERENCES customer (customer_id),
    return_date timestamp with time zone,
    staff_id integer NOT NULL REFERENCES staff (staff_id)
);
CREATE UNIQUE INDEX idx_unq_rental ON rental (rental_date, inventory_id, customer_id);
CREATE TABLE payment (
    payment_id serial PRIMARY KEY,
    customer_id integer NOT NULL REFERENCES customer (customer_id),
    rental_id integer REFERENCES rental (rental_id) ON DELETE SET NULL,
    amount numeric(5,2) NOT NULL
);
CREATE TRIGGER last_updated BEFORE UPDATE ON actor FOR EACH ROW EXECUTE FUNCTION last_updated();
CREATE VIEW film_list AS SELECT film_id, title, rating FROM film;
CREATE MATERIALIZED VIEW per_store AS SELECT store_id, count(*) AS films FROM inventory GROUP BY store_id;
INSERT INTO actor (first_name, last_name) VALUES ('Ann', 'A'), ('Ben', 'B');
INSERT INTO category (name) VALUES ('Action');
INSERT INTO country (country) VALUES ('Far');
INSERT INTO city (city, country_id) VALUES ('Away', 1);
INSERT INTO address (address, city_id) VALUES ('Road 1', 1);
INSERT INTO language (name) VALUES ('English');
INSERT INTO film (title, release_year, language_id, rating, special_features, fulltext)
    VALUES ('Dinosaur', 2006, 1, 'PG-13', '{Trailers,"Deleted Scenes"}', to_tsvector('dinosaur'));
INSERT INTO film_actor (actor_id, film_id) VALUES (1, 1), (2, 1);
INSERT INTO film_category VALUES (1, 1);
INSERT INTO store (manager_staff_id, address_id) VALUES (1, 1);
INSERT INTO staff (first_name, store_id, picture) VALUES ('Mike', 1, '\x89504e');
INSERT INTO customer (store_id, first_name, email, address_id) VALUES (1, 'Cy', 'c@x', 1);
INSERT INTO inventory (film_id, store_id) VALUES (1, 1);
INSERT INTO rental (rental_date, inventory_id, customer_id, staff_id) VALUES ('2005-05-24 22:53:30+00', 1, 1, 1);
INSERT INTO payment (customer_id, rental_id, amount) VALUES (1, 1, 2.99), (1, NULL, 0.99);
