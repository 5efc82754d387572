def bad(connection, db, text, literal_column, name):
    # ruleid: sql-takes-parameters
    connection.execute(text(f"SELECT * FROM project WHERE title = '{name}'"))
    # ruleid: sql-takes-parameters
    text("SELECT * FROM project WHERE title = '" + name + "'")
    # ruleid: sql-takes-parameters
    text("SELECT * FROM project WHERE title = '%s'" % name)
    # ruleid: sql-takes-parameters
    text("SELECT * FROM project WHERE title = '{}'".format(name))
    # ruleid: sql-takes-parameters
    connection.exec_driver_sql(f"DROP TABLE {name}")
    # ruleid: sql-takes-parameters
    connection.execute("DROP TABLE " + name)
    # ruleid: sql-takes-parameters
    literal_column(f"lower({name})")
    # ruleid: commits-happen-in-transaction
    db.session.commit()


def bad_moves(db, update, Order, order, paid, now):
    # ruleid: states-move-by-advance
    order.state = paid
    # ruleid: states-move-by-advance
    setattr(order, "state", paid)
    # ruleid: states-move-by-advance
    db.session.execute(update(Order).where(Order.id == order.id).values(paid_at=now, state=paid))


def good(connection, text, select, Project, transaction, name):
    # ok: sql-takes-parameters
    connection.execute(text("SELECT * FROM project WHERE title = :name"), {"name": name})
    # ok: sql-takes-parameters
    connection.execute(select(Project).where(Project.title == name))
    # ok: sql-takes-parameters
    connection.exec_driver_sql("PRAGMA foreign_keys = ON")
    # ok: commits-happen-in-transaction
    with transaction() as session:
        session.add(Project(title=name))


def good_moves(advance, update, Order, order, ORDER, paid, now):
    # ok: states-move-by-advance
    advance(Order, order.id, ORDER, paid, at=now)
    # ok: states-move-by-advance
    update(Order).where(Order.state == paid).values(paid_at=now)
    # ok: states-move-by-advance
    return Order(state=paid)
