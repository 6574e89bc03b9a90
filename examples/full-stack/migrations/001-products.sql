create table if not exists products (name text primary key, price numeric not null);
insert into products values ('rope', 12.50), ('anchor', 80.00), ('lamp', 24.90) on conflict do nothing;
