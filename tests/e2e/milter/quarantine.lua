-- An infected mail under the policy quarantine; offered says whether the MTA
-- has a quarantine of its own to offer.
actions = 0xff
if offered ~= "yes" then
	actions = 0x11 -- fields may be added and changed
end
conn = mt.connect(socket)
if mt.negotiate(conn, 6, 0x700, actions) ~= nil then
	error("no negotiation")
end
if mt.test_action(conn, SMFIF_QUARANTINE) ~= (offered == "yes") then
	error("quarantine is agreed upon, or not")
end
mt.header(conn, "From", "alice@example.org")
mt.eoh(conn)
-- The test file of EICAR, which stands nowhere in this tree.
mt.bodystring(conn, string.reverse("*H+H$!ELIF-TSET-SURIVITNA-DRADNATS"
    .. "-RACIE$}7)CC7)^P(45XZP\\4[PA@%P!O5X") .. "\r\n")
mt.eom(conn)
if offered == "yes" then
	if mt.getreply(conn) ~= SMFIR_ACCEPT then
		error("unexpected reply " .. mt.getreply(conn))
	end
	if not mt.eom_check(conn, MT_QUARANTINE) then
		error("it is accepted, and not put aside")
	end
else
	if mt.getreply(conn) ~= SMFIR_REPLYCODE then
		error("unexpected reply " .. mt.getreply(conn))
	end
	if mt.eom_check(conn, MT_QUARANTINE) then
		error("it is put aside, which was not agreed upon")
	end
end
mt.disconnect(conn)
mt.echo("passed")
