GRANT SELECT, RELOAD, LOCK TABLES, SHOW DATABASES, REPLICATION SLAVE, REPLICATION CLIENT, BINLOG MONITOR ON *.* TO stock;
CREATE TABLE items (id bigint PRIMARY KEY AUTO_INCREMENT, name varchar(80) NOT NULL, buyer_email varchar(120), quantity int NOT NULL, price decimal(12,2) NOT NULL);
INSERT INTO items (name, buyer_email, quantity, price) VALUES ('analytical engine', 'ada@mail.example', 1, 1234.50), ('compiler', 'grace@mail.example', 3, 99.00);
