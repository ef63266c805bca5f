-- A shop for music, after the sample database Chinook: names with capitals, NVARCHAR, no name on any constraint.
CREATE TABLE [Artist] ([ArtistId] INTEGER PRIMARY KEY NOT NULL, [Name] NVARCHAR(120));
CREATE TABLE [Genre] ([GenreId] INTEGER PRIMARY KEY NOT NULL, [Name] NVARCHAR(120));
CREATE TABLE [MediaType] ([MediaTypeId] INTEGER PRIMARY KEY NOT NULL, [Name] NVARCHAR(120));
CREATE TABLE [Album] (
    [AlbumId] INTEGER PRIMARY KEY NOT NULL,
    [Title] NVARCHAR(160) NOT NULL,
    [ArtistId] INTEGER NOT NULL,
    FOREIGN KEY ([ArtistId]) REFERENCES [Artist] ([ArtistId]) ON DELETE NO ACTION ON UPDATE NO ACTION
);
CREATE TABLE [Employee] (
    [EmployeeId] INTEGER PRIMARY KEY NOT NULL,
    [LastName] NVARCHAR(20) NOT NULL,
    [FirstName] NVARCHAR(20) NOT NULL,
    [Title] NVARCHAR(30),
    [ReportsTo] INTEGER REFERENCES [Employee] ([EmployeeId]), -- the boss has nobody
    [BirthDate] DATETIME,
    [HireDate] DATETIME,
    [City] NVARCHAR(40),
    [Email] NVARCHAR(60)
);
CREATE TABLE [Customer] (
    [CustomerId] INTEGER PRIMARY KEY NOT NULL,
    [FirstName] NVARCHAR(40) NOT NULL,
    [LastName] NVARCHAR(20) NOT NULL,
    [Company] NVARCHAR(80),
    [PostalCode] NVARCHAR(10),
    [Email] NVARCHAR(60) NOT NULL,
    [SupportRepId] INTEGER,
    FOREIGN KEY ([SupportRepId]) REFERENCES [Employee] ([EmployeeId])
);
CREATE TABLE [Invoice] (
    [InvoiceId] INTEGER PRIMARY KEY NOT NULL,
    [CustomerId] INTEGER NOT NULL,
    [InvoiceDate] DATETIME NOT NULL,
    [BillingCountry] NVARCHAR(40),
    [Total] NUMERIC(10,2) NOT NULL,
    FOREIGN KEY ([CustomerId]) REFERENCES [Customer] ([CustomerId])
);
CREATE TABLE [Track] (
    [TrackId] INTEGER PRIMARY KEY NOT NULL,
    [Name] NVARCHAR(200) NOT NULL,
    [AlbumId] INTEGER,
    [MediaTypeId] INTEGER NOT NULL,
    [GenreId] INTEGER,
    [Composer] NVARCHAR(220),
    [Milliseconds] INTEGER NOT NULL,
    [Bytes] INTEGER,
    [UnitPrice] NUMERIC(10,2) NOT NULL,
    FOREIGN KEY ([AlbumId]) REFERENCES [Album] ([AlbumId]),
    FOREIGN KEY ([MediaTypeId]) REFERENCES [MediaType] ([MediaTypeId]),
    FOREIGN KEY ([GenreId]) REFERENCES [Genre] ([GenreId])
);
CREATE TABLE [InvoiceLine] (
    [InvoiceLineId] INTEGER PRIMARY KEY NOT NULL,
    [InvoiceId] INTEGER NOT NULL,
    [TrackId] INTEGER NOT NULL,
    [UnitPrice] NUMERIC(10,2) NOT NULL,
    [Quantity] INTEGER NOT NULL,
    FOREIGN KEY ([InvoiceId]) REFERENCES [Invoice] ([InvoiceId]),
    FOREIGN KEY ([TrackId]) REFERENCES [Track] ([TrackId])
);
CREATE TABLE [Playlist] ([PlaylistId] INTEGER PRIMARY KEY NOT NULL, [Name] NVARCHAR(120));
CREATE TABLE [PlaylistTrack] (
    [PlaylistId] INTEGER NOT NULL,
    [TrackId] INTEGER NOT NULL,
    CONSTRAINT [PK_PlaylistTrack] PRIMARY KEY ([PlaylistId], [TrackId]),
    FOREIGN KEY ([PlaylistId]) REFERENCES [Playlist] ([PlaylistId]),
    FOREIGN KEY ([TrackId]) REFERENCES [Track] ([TrackId])
);
CREATE UNIQUE INDEX [IPK_PlaylistTrack] ON [PlaylistTrack] ([PlaylistId], [TrackId]);
CREATE INDEX [IFK_AlbumArtistId] ON [Album] ([ArtistId]);
CREATE INDEX [IFK_CustomerSupportRepId] ON [Customer] ([SupportRepId]);
CREATE INDEX [IFK_TrackAlbumId] ON [Track] ([AlbumId]);
INSERT INTO Artist VALUES (1, 'One'), (2, 'Two');
INSERT INTO Genre VALUES (1, 'Rock');
INSERT INTO MediaType VALUES (1, 'Tape');
INSERT INTO Album VALUES (1, 'First', 1), (7, 'Second', 2);
INSERT INTO Employee VALUES (1, 'A', 'Ann', 'Boss', NULL, '1960-01-01', '2001-01-01', 'X', 'a@x'), (2, 'B', 'Ben', 'Clerk', 1, NULL, NULL, 'Y', NULL);
INSERT INTO Customer VALUES (1, 'Cy', 'C', NULL, '01234', 'c@x', 2);
INSERT INTO Track VALUES (1, 'Song', 1, 1, 1, NULL, 200000, NULL, 0.99), (2, 'Other', 7, 1, NULL, 'Them', 100000, 5, 1.29);
INSERT INTO Invoice VALUES (1, 1, '2020-02-02 00:00:00', 'Z', 2.28);
INSERT INTO InvoiceLine VALUES (1, 1, 1, 0.99, 1), (2, 1, 2, 1.29, 1);
INSERT INTO Playlist VALUES (1, 'All');
INSERT INTO PlaylistTrack VALUES (1, 1), (1, 2);
