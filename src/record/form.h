/* form.h - numbers of the payload's form (PROTOCOL.record, Payload) */
#ifndef RECORD_FORM_H
#define RECORD_FORM_H

enum {
	PAYLOAD_VERSION = 1,
	F_KIND = 0x03,
	F_MINDSET = 0x0c,
	F_MINDSET_SHIFT = 2,
	F_FRESH = 0x10,
	F_USER = 0x20,
	F_ALL = F_KIND | F_MINDSET | F_FRESH | F_USER,
};

#endif
