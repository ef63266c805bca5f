-- Countries, after the sample database world: CHECKs, CHAR keys, a circle of two tables, comments, SERIAL, a sequence.
CREATE TABLE city (
    id integer NOT NULL,
    name text NOT NULL,
    countrycode character(3) NOT NULL,
    district text NOT NULL,
    population integer NOT NULL DEFAULT 0
);
CREATE TABLE country (
    code character(3) NOT NULL,
    name text NOT NULL,
    continent text NOT NULL,
    surfacearea real NOT NULL,
    indepyear smallint,
    lifeexpectancy double precision,
    gnp numeric(10,2),
    capital integer,
    code2 character(2) NOT NULL,
    CONSTRAINT country_continent_check CHECK (continent = ANY (ARRAY['Asia'::text, 'Europe'::text, 'South America'::text]))
);
CREATE TABLE countrylanguage (
    countrycode character(3) NOT NULL,
    "language" text NOT NULL,
    isofficial boolean NOT NULL DEFAULT false,
    percentage real NOT NULL
);
ALTER TABLE ONLY city ADD CONSTRAINT city_pkey PRIMARY KEY (id);
ALTER TABLE ONLY country ADD CONSTRAINT country_pkey PRIMARY KEY (code);
ALTER TABLE ONLY countrylanguage ADD CONSTRAINT countrylanguage_pkey PRIMARY KEY (countrycode, "language");
ALTER TABLE country ADD CONSTRAINT country_capital_fkey FOREIGN KEY (capital) REFERENCES city (id);
ALTER TABLE city ADD CONSTRAINT city_countrycode_fkey FOREIGN KEY (countrycode) REFERENCES country (code)
    ON DELETE CASCADE DEFERRABLE INITIALLY DEFERRED;
ALTER TABLE countrylanguage ADD CONSTRAINT countrylanguage_countrycode_fkey
    FOREIGN KEY (countrycode) REFERENCES country (code) ON UPDATE CASCADE;
CREATE UNIQUE INDEX country_code2 ON country (code2) WHERE code2 <> '--';
CREATE INDEX city_name_lower ON city (lower(name) text_pattern_ops, population DESC);
COMMENT ON TABLE country IS 'One row per country: it''s 3 letters';
COMMENT ON COLUMN country.gnp IS 'in millions';
BEGIN;
INSERT INTO city VALUES (1, 'Paris', 'FRA', 'Ile-de-France', 2125246), (2, 'Lyon', 'FRA', 'Rhone', 445452);
INSERT INTO country VALUES ('FRA', 'France', 'Europe', 551500, 843, 78.8, 1424285.00, 1, 'FR');
COMMIT;
INSERT INTO countrylanguage VALUES ('FRA', 'French', true, 93.6);
