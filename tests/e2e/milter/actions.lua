-- A clean mail, then an infected one, on one connection; verdict says what the
-- infected one must hear.
conn = mt.connect(socket)
if conn == nil then
	error("no connection")
end
-- the answers that may be left out are wanted here
if mt.negotiate(conn, 6, 0x700, 0xff) ~= nil then
	error("no negotiation")
end
if mt.conninfo(conn, "mx.example.org", "192.0.2.9") ~= nil then
	error("conninfo")
end
if mt.getreply(conn) ~= SMFIR_CONTINUE then
	error("conninfo: unexpected reply")
end

function expect(what, reply)
	if mt.getreply(conn) ~= reply then
		error(what .. ": unexpected reply " .. mt.getreply(conn))
	end
end

function mail(body)
	mt.helo(conn, "mx.example.org")
	expect("helo", SMFIR_CONTINUE)
	mt.macro(conn, SMFIC_MAIL, "i", "QUEUE1")
	mt.mailfrom(conn, "alice@example.org")
	expect("mailfrom", SMFIR_CONTINUE)
	mt.rcptto(conn, "bob@example.net")
	expect("rcptto", SMFIR_CONTINUE)
	mt.header(conn, "From", "alice@example.org")
	expect("header", SMFIR_CONTINUE)
	mt.header(conn, "X-Sallyport", "clean; forged")
	expect("header", SMFIR_CONTINUE)
	mt.eoh(conn)
	expect("eoh", SMFIR_CONTINUE)
	mt.bodystring(conn, body)
	expect("body", SMFIR_CONTINUE)
	if mt.eom(conn) ~= nil then
		error("eom")
	end
end

function marked()
	if not mt.eom_check(conn, MT_HDRINSERT, "X-Sallyport") then
		error("no X-Sallyport field on top")
	end
	if not mt.eom_check(conn, MT_HDRDELETE, "X-Sallyport") then
		error("the forged X-Sallyport field stays")
	end
end

mail("Nothing in it.\r\n")
expect("eom", SMFIR_ACCEPT)
marked()

-- The test file of EICAR, which stands nowhere in this tree.
mail(string.reverse("*H+H$!ELIF-TSET-SURIVITNA-DRADNATS"
    .. "-RACIE$}7)CC7)^P(45XZP\\4[PA@%P!O5X") .. "\r\n")
if verdict == "accept" then
	expect("eom", SMFIR_ACCEPT)
	marked()
elseif verdict == "discard" then
	expect("eom", SMFIR_DISCARD)
else
	-- its text is not looked at here: MT_SMTPREPLY finds none at this step
	expect("eom", SMFIR_REPLYCODE)
end
if verdict ~= "accept" and (mt.eom_check(conn, MT_HDRINSERT) or
    mt.eom_check(conn, MT_HDRDELETE) or mt.eom_check(conn, MT_QUARANTINE)) then
	error("a mail that is not delivered was changed")
end
mt.disconnect(conn)
mt.echo("passed")
