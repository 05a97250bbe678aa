/* marks.h - what a record notes of the past: the order of its once pages */
#ifndef RECORD_MARKS_H
#define RECORD_MARKS_H

#include "record/record.h"

/* Below 0: o comes before a page of that id and time; 0: it is that one. */
int marks_order(const struct rec_once *o, const uint8_t jti[16],
    int64_t issued);

#endif
