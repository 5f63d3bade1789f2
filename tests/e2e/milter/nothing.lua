-- An MTA that allows no change at all: the answer alone.
conn = mt.connect(socket)
if mt.negotiate(conn, 6, 0, 0) ~= nil then
	error("no negotiation")
end
mt.header(conn, "X-Sallyport", "clean; forged")
mt.eoh(conn)
mt.bodystring(conn, "Nothing in it.\r\n")
mt.eom(conn)
if mt.getreply(conn) ~= SMFIR_ACCEPT then
	error("unexpected reply " .. mt.getreply(conn))
end
if mt.eom_check(conn, MT_HDRINSERT) or mt.eom_check(conn, MT_HDRDELETE) or
    mt.eom_check(conn, MT_HDRCHANGE) or mt.eom_check(conn, MT_HDRADD) then
	error("it was changed")
end
mt.disconnect(conn)
mt.echo("passed")
