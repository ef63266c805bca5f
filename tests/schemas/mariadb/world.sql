-- Countries, after the sample database world: ENUM, CHAR keys, defaults everywhere, a named foreign key.
CREATE TABLE `country` (
    `Code` char(3) NOT NULL DEFAULT '',
    `Name` char(52) NOT NULL DEFAULT '',
    `Continent` enum('Asia','Europe','North America','Africa','Oceania','Antarctica','South America') NOT NULL DEFAULT 'Asia',
    `SurfaceArea` decimal(10,2) NOT NULL DEFAULT 0.00,
    `IndepYear` smallint DEFAULT NULL,
    `Population` int NOT NULL DEFAULT 0,
    `LifeExpectancy` decimal(3,1) DEFAULT NULL,
    `Capital` int DEFAULT NULL,
    `Code2` char(2) NOT NULL DEFAULT '',
    PRIMARY KEY (`Code`)
) ENGINE=InnoDB;
CREATE TABLE `city` (
    `ID` int NOT NULL AUTO_INCREMENT,
    `Name` char(35) NOT NULL DEFAULT '',
    `CountryCode` char(3) NOT NULL DEFAULT '',
    `District` char(20) NOT NULL DEFAULT '',
    `Population` int NOT NULL DEFAULT 0,
    PRIMARY KEY (`ID`),
    KEY `CountryCode` (`CountryCode`),
    CONSTRAINT `city_ibfk_1` FOREIGN KEY (`CountryCode`) REFERENCES `country` (`Code`)
) ENGINE=InnoDB;
CREATE TABLE `countrylanguage` (
    `CountryCode` char(3) NOT NULL DEFAULT '',
    `Language` char(30) NOT NULL DEFAULT '',
    `IsOfficial` enum('T','F') NOT NULL DEFAULT 'F',
    `Percentage` decimal(4,1) NOT NULL DEFAULT 0.0,
    PRIMARY KEY (`CountryCode`,`Language`),
    KEY `CountryCode` (`CountryCode`),
    CONSTRAINT `countryLanguage_ibfk_1` FOREIGN KEY (`CountryCode`) REFERENCES `country` (`Code`)
) ENGINE=InnoDB;
INSERT INTO country (Code, Name, Continent, SurfaceArea, IndepYear, Population, LifeExpectancy, Capital, Code2)
    VALUES ('FRA', 'France', 'Europe', 551500, 843, 59225700, 78.8, 1, 'FR');
INSERT INTO city (Name, CountryCode, District, Population) VALUES ('Paris', 'FRA', 'Ile-de-France', 2125246), ('Lyon', 'FRA', 'Rhone', 445452);
INSERT INTO countrylanguage VALUES ('FRA', 'French', 'T', 93.6);
