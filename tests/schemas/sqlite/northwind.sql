-- A wholesaler, after the sample database Northwind: AUTOINCREMENT, CHECKs behind columns, a space in a name, views.
CREATE TABLE Categories (
    CategoryID INTEGER PRIMARY KEY AUTOINCREMENT,
    CategoryName TEXT NOT NULL UNIQUE,
    Description TEXT,
    Picture BLOB
);
CREATE TABLE Suppliers (
    SupplierID INTEGER PRIMARY KEY AUTOINCREMENT,
    CompanyName TEXT COLLATE NOCASE NOT NULL,
    Country TEXT DEFAULT 'unknown',
    HomePage TEXT
);
CREATE TABLE Shippers (ShipperID INTEGER PRIMARY KEY AUTOINCREMENT, CompanyName TEXT NOT NULL, Phone TEXT);
CREATE TABLE Customers (
    CustomerID VARCHAR(5) NOT NULL,
    CompanyName TEXT NOT NULL,
    City TEXT,
    PostalCode TEXT,
    PRIMARY KEY (CustomerID)
);
CREATE TABLE Employees (
    EmployeeID INTEGER PRIMARY KEY AUTOINCREMENT,
    LastName TEXT NOT NULL,
    BirthDate DATE CHECK (BirthDate < '2020-01-01'),
    Photo BLOB,
    ReportsTo INTEGER,
    FOREIGN KEY (ReportsTo) REFERENCES Employees (EmployeeID) DEFERRABLE INITIALLY DEFERRED
);
CREATE TABLE Regions (RegionID INTEGER NOT NULL PRIMARY KEY, RegionDescription TEXT NOT NULL);
CREATE TABLE Territories (
    TerritoryID TEXT NOT NULL PRIMARY KEY,
    RegionID INTEGER NOT NULL REFERENCES Regions ON DELETE CASCADE
);
CREATE TABLE EmployeeTerritories (
    EmployeeID INTEGER NOT NULL REFERENCES Employees (EmployeeID) ON DELETE CASCADE,
    TerritoryID TEXT NOT NULL REFERENCES Territories (TerritoryID) ON UPDATE CASCADE,
    PRIMARY KEY (EmployeeID, TerritoryID)
);
CREATE TABLE Products (
    ProductID INTEGER PRIMARY KEY AUTOINCREMENT,
    ProductName TEXT NOT NULL,
    SupplierID INTEGER REFERENCES Suppliers (SupplierID),
    CategoryID INTEGER REFERENCES Categories (CategoryID),
    UnitPrice NUMERIC DEFAULT 0 CHECK (UnitPrice >= 0),
    UnitsInStock INTEGER DEFAULT 0 CHECK ((UnitsInStock >= 0)),
    Discontinued TEXT NOT NULL DEFAULT '0',
    Worth NUMERIC GENERATED ALWAYS AS (UnitPrice * UnitsInStock) STORED,
    UNIQUE (ProductName, SupplierID)
);
CREATE TABLE Orders (
    OrderID INTEGER PRIMARY KEY AUTOINCREMENT,
    CustomerID VARCHAR(5) REFERENCES Customers (CustomerID) ON DELETE SET NULL,
    EmployeeID INTEGER REFERENCES Employees (EmployeeID),
    OrderDate DATETIME DEFAULT CURRENT_TIMESTAMP,
    ShipVia INTEGER REFERENCES Shippers (ShipperID),
    Freight NUMERIC DEFAULT 0,
    CONSTRAINT freight_not_negative CHECK (Freight >= 0)
);
CREATE TABLE [Order Details] (
    OrderID INTEGER NOT NULL,
    ProductID INTEGER NOT NULL,
    UnitPrice NUMERIC NOT NULL DEFAULT 0,
    Quantity INTEGER NOT NULL DEFAULT 1,
    Discount REAL NOT NULL DEFAULT 0,
    PRIMARY KEY (OrderID, ProductID),
    CHECK (Discount >= (0) AND Discount <= (1)),
    CHECK (Quantity > (0)),
    FOREIGN KEY (OrderID) REFERENCES Orders (OrderID) ON DELETE CASCADE,
    FOREIGN KEY (ProductID) REFERENCES Products (ProductID)
);
CREATE INDEX by_country ON Suppliers (Country COLLATE NOCASE, CompanyName DESC);
CREATE INDEX late_orders ON Orders (OrderDate) WHERE ShipVia IS NULL;
CREATE INDEX by_name ON Products (lower(ProductName));
CREATE VIEW [Products Above Average Price] AS SELECT ProductName FROM Products WHERE UnitPrice > 1;
CREATE TRIGGER no_order_in_the_future AFTER INSERT ON Orders BEGIN
    UPDATE Orders SET OrderDate = '2020-01-01' WHERE OrderID = new.OrderID AND OrderDate > '2100';
END;
INSERT INTO Categories (CategoryName, Picture) VALUES ('Drinks', x'00FF'), ('Sweets', NULL);
INSERT INTO Suppliers (CompanyName) VALUES ('Sup'), ('Ply');
DELETE FROM Suppliers WHERE SupplierID = 2;
INSERT INTO Shippers (CompanyName) VALUES ('Ship');
INSERT INTO Customers VALUES ('AAAAA', 'Aye', 'X', '0123');
INSERT INTO Employees (LastName, BirthDate, ReportsTo) VALUES ('One', '1970-01-01', NULL), ('Two', NULL, 1);
INSERT INTO Regions VALUES (1, 'East');
INSERT INTO Territories VALUES ('01', 1);
INSERT INTO EmployeeTerritories VALUES (2, '01');
INSERT INTO Products (ProductName, SupplierID, CategoryID, UnitPrice, UnitsInStock) VALUES ('Tea', 1, 1, 2.5, 10);
INSERT INTO Orders (CustomerID, EmployeeID, OrderDate) VALUES ('AAAAA', 2, '2020-02-02'), (NULL, 1, '2999-01-01');
INSERT INTO [Order Details] VALUES (1, 1, 2.5, 3, 0.1), (2, 1, 2.5, 1, 0);
