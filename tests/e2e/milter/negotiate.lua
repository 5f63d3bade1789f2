-- What is asked for in each version: no more than it has words for.
version = tonumber(version)

actions = {[2] = 0x3f, [3] = 0x3f, [4] = 0x3f, [5] = 0x3f, [6] = 0x1ff}
steps = {[2] = 0x7f, [3] = 0x1ff, [4] = 0x3ff, [5] = 0x3ff, [6] = 0x1fffff}

conn = mt.connect(socket)
if conn == nil then
	error("no connection")
end
-- steps before actions, whatever miltertest(8) says
if mt.negotiate(conn, version, steps[version], actions[version]) ~= nil then
	error("no negotiation")
end

function wants(option, from)
	local got = mt.test_option(conn, option)
	if got ~= (version >= from) then
		error("step " .. option .. ": " .. tostring(got))
	end
end

for _, action in ipairs({SMFIF_ADDHDRS, SMFIF_CHGHDRS, SMFIF_QUARANTINE}) do
	if not mt.test_action(conn, action) then
		error("action " .. action)
	end
end
for _, action in ipairs({SMFIF_CHGBODY, SMFIF_ADDRCPT, SMFIF_DELRCPT}) do
	if mt.test_action(conn, action) then
		error("action " .. action .. " is never used")
	end
end
wants(SMFIP_NOUNKNOWN, 3)
wants(SMFIP_NODATA, 4)
wants(SMFIP_SKIP, 6)
wants(SMFIP_HDR_LEADSPC, 6)
wants(SMFIP_NR_HDR, 6)
for _, option in ipairs({SMFIP_NOCONNECT, SMFIP_NOHELO, SMFIP_NOMAIL,
    SMFIP_NORCPT, SMFIP_NOBODY, SMFIP_NOHDRS, SMFIP_NOEOH, SMFIP_RCPT_REJ}) do
	if mt.test_option(conn, option) then
		error("step " .. option .. " is needed, or never used")
	end
end
mt.disconnect(conn)
mt.echo("passed")
