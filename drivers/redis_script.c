/*
 * redis_script.c - the Lua by which a redis server compares and swaps
 *
 * A server runs a script as one step.  The sha is SHA-1 of the text, which
 * tests/drivers/redis_script_test.c has the server confirm; a wrong one
 * would cost a round trip for each write, nothing else.
 *
 * A record is "sst1", length, revision, expiry, tag, body (redis.c), so its
 * head of 40 octets tells all that is compared.  They answer 1: done,
 * 0: there (create), not there (replace); -1: another revision; -2: what is
 * there is no record.
 *
 *	create	KEYS record [user]; ARGV value, deadline, member, score
 *	replace	the same and expected revision, prefix of users
 *	remove	KEYS record; ARGV expected or "", prefix of users, member
 *	index	KEYS user; ARGV -, -, member, score
 *	latest	KEYS clock; ARGV now
 *	touch	KEYS record
 *
 * Invariant: a user's entry is there before the record has his tag, and goes
 * with it: here in one step, but in a cluster (no KEYS[2], no prefix) by
 * index before, which never makes an entry end earlier, and by time.
 *
 * The time of expiry is in the record; the server's own deadline comes one
 * second later, and that of a user's entry five minutes after, for whatever
 * clocks differ.  expires 0 is 400 days after the last write.
 */
#include "redis.h"

/* The entry, what is over in that set, and when the set will be. */
#define ADD(key)                                                               \
	"local now=tonumber(redis.call('TIME')[1])\n"                          \
	"local e=tonumber(ARGV[4])\n"                                          \
	"if e==0 then e=now+34560000 end\n"                                    \
	"if keep then local s=redis.call('ZSCORE'," key ",ARGV[3])\n"          \
	"if s and tonumber(s)>e then e=tonumber(s) end end\n"                  \
	"if redis.call('ZADD'," key ",string.format('%.0f',e),ARGV[3])==1 "    \
	"then\n"                                                               \
	"redis.call('ZREMRANGEBYSCORE'," key ",'-inf','('..now-300) end\n"     \
	"local top=redis.call('ZRANGE'," key ",-1,-1,'WITHSCORES')[2]\n"       \
	"if top then redis.call('PEXPIREAT'," key ",string.format('%.0f',"     \
	"(math.min(tonumber(top),9e12)+300)*1000)) end\n"

#define ADD_IF_TAGGED "if KEYS[2] then local keep\n" ADD("KEYS[2]") "end\n"

#define PUT                                                                    \
	"redis.call('SET',KEYS[1],ARGV[1])\n"                                  \
	"if ARGV[2]=='0' then redis.call('PEXPIRE',KEYS[1],'34560000000')\n"   \
	"else redis.call('PEXPIREAT',KEYS[1],ARGV[2]) end\n"

#define DONE "return 1\n"

#define KEEP "local keep=true\n"

#define HEAD "local h=redis.call('GETRANGE',KEYS[1],0,39)\n"

/*
 * The entry of the old tag, unless the new one is the same.  After PUT: a
 * server whose memory is full refuses a script at its first write only.
 */
#define DROP                                                                   \
	"local t=string.sub(h,25,40)\n"                                        \
	"if users~='' and t~=string.rep(string.char(0),16) and "               \
	"t~=tag then\n"                                                        \
	"redis.call('ZREM',users..string.gsub(t,'.',function(c) "              \
	"return string.format('%02x',string.byte(c)) end),ARGV[3]) end\n"

#define CREATE "if redis.call('EXISTS',KEYS[1])==1 then return 0 end\n"

#define REPLACE                                                                \
	"if h=='' then return 0 end\n"                                         \
	"if string.sub(h,1,4)~='sst1' then return -2 end\n"                    \
	"if string.sub(h,9,16)~=ARGV[5] then return -1 end\n"                  \
	"local users,tag=ARGV[6],string.sub(ARGV[1],25,40)\n"

#define REMOVE                                                                 \
	"if h=='' then return 1 end\n"                                         \
	"local ours=string.sub(h,1,4)=='sst1'\n"                               \
	"if ARGV[1]~='' then\n"                                                \
	"if not ours then return -2 end\n"                                     \
	"if string.sub(h,9,16)~=ARGV[1] then return -1 end end\n"              \
	"redis.call('DEL',KEYS[1])\n"                                          \
	"if not ours then return 1 end\n"                                      \
	"local users,tag=ARGV[2],''\n"

/* Not each second anew: ten apart is near enough, and seldom written. */
#define LATEST                                                                 \
	"local v=redis.call('GET',KEYS[1])\n"                                  \
	"local n=v and tonumber(v)\n"                                          \
	"if n and n>=tonumber(ARGV[1]) then return v end\n"                    \
	"if not n or n+10<=tonumber(ARGV[1]) then\n"                           \
	"redis.call('SET',KEYS[1],ARGV[1]) end\n"                              \
	"return ARGV[1]\n"

/*
 * A write that changes nothing (the server's deadline, by a second), so that
 * WAIT after it tells whether replicas have what was written before it.
 */
#define TOUCH                                                                  \
	"local t=redis.call('PTTL',KEYS[1])\n"                                 \
	"if t==-2 then redis.call('SET',KEYS[1],'') "                          \
	"redis.call('DEL',KEYS[1])\n"                                          \
	"else redis.call('PEXPIRE',KEYS[1],"                                   \
	"t<0 and '34560000000' or t+1000) end\n"                               \
	"return 1\n"

const struct rds_script rds_create = {
	"3af8155e6c3d329df31dd1ac4cb6956fb4f2c40d",
	CREATE ADD_IF_TAGGED PUT DONE
};
const struct rds_script rds_replace = {
	"45af352e34053ccb2e61cff054f3d187cf30eea7",
	HEAD REPLACE ADD_IF_TAGGED PUT DROP DONE
};
const struct rds_script rds_remove = {
	"3cd935a9c73f22471b4e0c843950ecedd014a13c", HEAD REMOVE DROP DONE
};
const struct rds_script rds_index = {
	"fe9e9c55a15ca47caf3b8c81a450cac098049443", KEEP ADD("KEYS[1]") DONE
};
const struct rds_script rds_latest = {
	"552cdcced34eab5d7c92e78e299a6f85601ecc36", LATEST
};
const struct rds_script rds_touch = {
	"a99938aa22c0d355228b3359fefb0b654580bfee", TOUCH
};
