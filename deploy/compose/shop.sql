CREATE TABLE customers (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  name text NOT NULL, email text, phone text, ssn text, card_number text,
  created_at timestamptz NOT NULL DEFAULT now());
CREATE TABLE orders (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  customer_id bigint NOT NULL REFERENCES customers,
  total numeric(12,2) NOT NULL, placed_at timestamp NOT NULL DEFAULT now());
INSERT INTO customers (name, email, phone, ssn, card_number) VALUES
  ('Ada Lovelace', 'ada@mail.example', '+1-202-555-0101', '219-09-9999', '4111111111111111'),
  ('Alan Turing', 'alan@mail.example', '+1-202-555-0102', '078-05-1120', '4012888888881881');
INSERT INTO orders (customer_id, total) VALUES (1, 13.50), (2, 99.99), (1, 0.01);
