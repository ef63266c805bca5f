-- A video shop, after the sample database Sakila: UNSIGNED, SET, YEAR, ON UPDATE, FULLTEXT, a circle, triggers, routines.
SET FOREIGN_KEY_CHECKS = 0;
CREATE TABLE actor (
    actor_id smallint unsigned NOT NULL AUTO_INCREMENT,
    first_name varchar(45) NOT NULL,
    last_name varchar(45) NOT NULL,
    last_update timestamp NOT NULL DEFAULT current_timestamp() ON UPDATE current_timestamp(),
    PRIMARY KEY (actor_id),
    KEY idx_actor_last_name (last_name)
);
CREATE TABLE country (country_id smallint unsigned NOT NULL AUTO_INCREMENT, country varchar(50) NOT NULL, PRIMARY KEY (country_id));
CREATE TABLE city (
    city_id smallint unsigned NOT NULL AUTO_INCREMENT,
    city varchar(50) NOT NULL,
    country_id smallint unsigned NOT NULL,
    PRIMARY KEY (city_id),
    KEY idx_fk_country_id (country_id),
    CONSTRAINT fk_city_country FOREIGN KEY (country_id) REFERENCES country (country_id) ON DELETE RESTRICT ON UPDATE CASCADE
);
CREATE TABLE address (
    address_id smallint unsigned NOT NULL AUTO_INCREMENT,
    address varchar(50) NOT NULL,
    address2 varchar(50) DEFAULT NULL,
    city_id smallint unsigned NOT NULL,
    PRIMARY KEY (address_id),
    KEY idx_fk_city_id (city_id),
    CONSTRAINT fk_address_city FOREIGN KEY (city_id) REFERENCES city (city_id) ON UPDATE CASCADE
);
CREATE TABLE category (category_id tinyint unsigned NOT NULL AUTO_INCREMENT, name varchar(25) NOT NULL, PRIMARY KEY (category_id));
CREATE TABLE language (language_id tinyint unsigned NOT NULL AUTO_INCREMENT, name char(20) NOT NULL, PRIMARY KEY (language_id));
CREATE TABLE film (
    film_id smallint unsigned NOT NULL AUTO_INCREMENT,
    title varchar(128) NOT NULL,
    description text DEFAULT NULL,
    release_year year DEFAULT NULL,
    language_id tinyint unsigned NOT NULL,
    original_language_id tinyint unsigned DEFAULT NULL,
    rental_duration tinyint unsigned NOT NULL DEFAULT 3,
    rental_rate decimal(4,2) NOT NULL DEFAULT 4.99,
    rating enum('G','PG','PG-13','R','NC-17') DEFAULT 'G',
    special_features set('Trailers','Commentaries','Deleted Scenes') DEFAULT NULL,
    PRIMARY KEY (film_id),
    KEY idx_title (title),
    KEY idx_description (description(20)),
    KEY idx_fk_language_id (language_id),
    KEY idx_fk_original_language_id (original_language_id),
    CONSTRAINT fk_film_language FOREIGN KEY (language_id) REFERENCES language (language_id) ON UPDATE CASCADE,
    CONSTRAINT fk_film_language_original FOREIGN KEY (original_language_id) REFERENCES language (language_id) ON UPDATE CASCADE
);
CREATE TABLE film_actor (
    actor_id smallint unsigned NOT NULL,
    film_id smallint unsigned NOT NULL,
    last_update timestamp NOT NULL DEFAULT current_timestamp() ON UPDATE current_timestamp(),
    PRIMARY KEY (actor_id, film_id),
    KEY idx_fk_film_id (film_id),
    CONSTRAINT fk_film_actor_actor FOREIGN KEY (actor_id) REFERENCES actor (actor_id) ON UPDATE CASCADE,
    CONSTRAINT fk_film_actor_film FOREIGN KEY (film_id) REFERENCES film (film_id) ON UPDATE CASCADE
);
CREATE TABLE film_category (
    film_id smallint unsigned NOT NULL,
    category_id tinyint unsigned NOT NULL,
    PRIMARY KEY (film_id, category_id),
    CONSTRAINT fk_film_category_film FOREIGN KEY (film_id) REFERENCES film (film_id),
    FOREIGN KEY (category_id) REFERENCES category (category_id)
);
CREATE TABLE film_text (
    film_id smallint NOT NULL,
    title varchar(255) NOT NULL,
    description text,
    PRIMARY KEY (film_id),
    FULLTEXT KEY idx_title_description (title, description)
);
CREATE TABLE staff (
    staff_id tinyint unsigned NOT NULL AUTO_INCREMENT,
    first_name varchar(45) NOT NULL,
    picture blob DEFAULT NULL,
    email varchar(50) DEFAULT NULL,
    store_id tinyint unsigned NOT NULL,
    active boolean NOT NULL DEFAULT 1,
    password varchar(40) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin DEFAULT NULL,
    PRIMARY KEY (staff_id),
    KEY idx_fk_store_id (store_id),
    CONSTRAINT fk_staff_store FOREIGN KEY (store_id) REFERENCES store (store_id) ON UPDATE CASCADE
);
CREATE TABLE store (
    store_id tinyint unsigned NOT NULL AUTO_INCREMENT,
    manager_staff_id tinyint unsigned NOT NULL,
    address_id smallint unsigned NOT NULL,
    PRIMARY KEY (store_id),
    UNIQUE KEY idx_unique_manager (manager_staff_id),
    CONSTRAINT fk_store_staff FOREIGN KEY (manager_staff_id) REFERENCES staff (staff_id) ON UPDATE CASCADE,
    FOREIGN KEY (address_id) REFERENCES address (address_id)
);
CREATE TABLE customer (
    customer_id smallint unsigned NOT NULL AUTO_INCREMENT,
    store_id tinyint unsigned NOT NULL,
    email varchar(50) DEFAULT NULL,
    address_id smallint unsigned NOT NULL,
    create_date datetime NOT NULL,
    PRIMARY KEY (customer_id),
    FOREIGN KEY (store_id) REFERENCES store (store_id),
    FOREIGN KEY (address_id) REFERENCES address (address_id)
);
CREATE TABLE inventory (
    inventory_id mediumint unsigned NOT NULL AUTO_INCREMENT,
    film_id smallint unsigned NOT NULL,
    store_id tinyint unsigned NOT NULL,
    PRIMARY KEY (inventory_id),
    KEY idx_store_id_film_id (store_id, film_id),
    CONSTRAINT fk_inventory_store FOREIGN KEY (store_id) REFERENCES store (store_id),
    CONSTRAINT fk_inventory_film FOREIGN KEY (film_id) REFERENCES film (film_id)
);
CREATE TABLE rental (
    rental_id int NOT NULL AUTO_INCREMENT,
    rental_date datetime NOT NULL,
    inventory_id mediumint unsigned NOT NULL,
    customer_id smallint unsigned NOT NULL,
    PRIMARY KEY (rental_id),
    UNIQUE KEY rental_date (rental_date, inventory_id, customer_id),
    FOREIGN KEY (inventory_id) REFERENCES inventory (inventory_id),
    FOREIGN KEY (customer_id) REFERENCES customer (customer_id)
);
CREATE TABLE payment (
    payment_id smallint unsigned NOT NULL AUTO_INCREMENT,
    rental_id int DEFAULT NULL,
    amount decimal(5,2) NOT NULL,
    PRIMARY KEY (payment_id),
    CONSTRAINT fk_payment_rental FOREIGN KEY (rental_id) REFERENCES rental (rental_id) ON DELETE SET NULL ON UPDATE CASCADE
);
CREATE TRIGGER customer_create_date BEFORE INSERT ON customer FOR EACH ROW SET NEW.create_date = '2006-02-14 00:00:00';
CREATE VIEW film_list AS SELECT film_id, title, rating FROM film;
CREATE FUNCTION films() RETURNS int READS SQL DATA RETURN (SELECT count(*) FROM film);
INSERT INTO actor (first_name, last_name, last_update) VALUES ('Ann', 'A', '2006-02-15 04:34:33'), ('Ben', 'B', '2006-02-15 04:34:33');
INSERT INTO country (country) VALUES ('Far');
INSERT INTO city (city, country_id) VALUES ('Away', 1);
INSERT INTO address (address, city_id) VALUES ('Road 1', 1);
INSERT INTO category (name) VALUES ('Action');
INSERT INTO language (name) VALUES ('English');
INSERT INTO film (title, description, release_year, language_id, rating, special_features) VALUES ('Dinosaur', 'Long ago', 2006, 1, 'PG-13', 'Trailers,Deleted Scenes');
INSERT INTO film_actor (actor_id, film_id) VALUES (1, 1), (2, 1);
INSERT INTO film_category VALUES (1, 1);
INSERT INTO film_text VALUES (1, 'Dinosaur', NULL);
INSERT INTO staff (first_name, picture, store_id, active, password) VALUES ('Mike', x'89504E', 1, 1, '8cb2');
INSERT INTO store (manager_staff_id, address_id) VALUES (1, 1);
INSERT INTO customer (store_id, email, address_id, create_date) VALUES (1, 'c@x', 1, '2000-01-01');
INSERT INTO inventory (film_id, store_id) VALUES (1, 1);
INSERT INTO rental (rental_date, inventory_id, customer_id) VALUES ('2005-05-24 22:53:30', 1, 1);
INSERT INTO payment (rental_id, amount) VALUES (1, 2.99), (NULL, 0.99);
SET FOREIGN_KEY_CHECKS = 1;
