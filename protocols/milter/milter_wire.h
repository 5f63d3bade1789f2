#ifndef MILTER_WIRE_H
#define MILTER_WIRE_H

/*
 * milter_wire: the letters and flags of Sendmail's filter interface, versions 2
 * to 6, as its mfdef.h and libmilter's documents have them.  A packet is its
 * length (4 bytes, most significant first, the letter counted), a letter, data.
 */

#define MILTER_VERSION_LEAST 2
#define MILTER_VERSION_MOST 6

/* What an MTA sends. */
enum milter_command {
	MILTER_ABORT = 'A',
	MILTER_BODY = 'B',
	MILTER_CONNECT = 'C',
	MILTER_MACRO = 'D',
	MILTER_BODYEOB = 'E',
	MILTER_HELO = 'H',
	MILTER_QUIT_NC = 'K', /* the next client comes over this connection */
	MILTER_HEADER = 'L',
	MILTER_MAIL = 'M',
	MILTER_EOH = 'N',
	MILTER_OPTNEG = 'O',
	MILTER_QUIT = 'Q',
	MILTER_RCPT = 'R',
	MILTER_DATA = 'T',
	MILTER_UNKNOWN = 'U'
};

/* What we answer. */
enum milter_answer {
	MILTER_ACCEPT = 'a',
	MILTER_CONTINUE = 'c',
	MILTER_DISCARD = 'd',
	MILTER_INSHEADER = 'i',
	MILTER_CHGHEADER = 'm',
	MILTER_PROGRESS = 'p',
	MILTER_QUARANTINE = 'q',
	MILTER_SKIP = 's',
	MILTER_REPLYCODE = 'y'
};

/* What we may do to a mail. */
#define MILTER_ACT_ADDHDRS 0x001u
#define MILTER_ACT_CHGHDRS 0x010u
#define MILTER_ACT_QUARANTINE 0x020u
#define MILTER_ACT_SYMLIST 0x100u

/* What the MTA need not send, or need not wait for. */
#define MILTER_NO_UNKNOWN 0x00000100u
#define MILTER_NO_DATA 0x00000200u
#define MILTER_CAN_SKIP 0x00000400u
#define MILTER_NR_HEADER 0x00000080u
#define MILTER_NR_CONNECT 0x00001000u
#define MILTER_NR_HELO 0x00002000u
#define MILTER_NR_MAIL 0x00004000u
#define MILTER_NR_RCPT 0x00008000u
#define MILTER_NR_DATA 0x00010000u
#define MILTER_NR_UNKNOWN 0x00020000u
#define MILTER_NR_EOH 0x00040000u
#define MILTER_NR_BODY 0x00080000u
#define MILTER_LEADING_SPACE 0x00100000u
#define MILTER_SIZE_256K 0x10000000u
#define MILTER_SIZE_1M 0x20000000u

/* Steps that macros can be asked for. */
enum milter_step {
	MILTER_AT_CONNECT,
	MILTER_AT_HELO,
	MILTER_AT_MAIL,
	MILTER_AT_RCPT,
	MILTER_AT_DATA,
	MILTER_AT_EOM,
	MILTER_AT_EOH
};

#endif
