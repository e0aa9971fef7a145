/* SPDX-License-Identifier: MIT */

/*
 * The command line: the same words as the spec's, for a person. libc's getopt_long() would bring
 * stdio with it and guess abbreviations; a table does neither.
 */

#include "supervisor/keeper/options.h"

#include <signal.h>
#include <string.h>

#include "supervisor/keeper/reserve.h"
#include "supervisor/keeper/text.h"

struct option {
	const char *name;
	int (*take)(const struct option *option, const char *value, struct options *o);
	size_t offset;
	bool is_flag;
};

static void *member(const struct option *option, struct options *o)
{
	return (char *)o + option->offset;
}

static int take_text(const struct option *option, const char *value, struct options *o)
{
	if (!*value)
		return -EINVAL;
	*(const char **)member(option, o) = value;
	return 0;
}

static int take_name(const struct option *option, const char *value, struct options *o)
{
	return strlen(value) < INTAKE_NAME_MAX ? take_text(option, value, o) : -EINVAL;
}

static int take_number(const struct option *option, const char *value, struct options *o)
{
	uint64_t number;
	int r = text_number(value, UINT16_MAX, &number);

	if (r < 0)
		return r;
	*(uint32_t *)member(option, o) = (uint32_t)number;
	return 0;
}

static int take_fd(const struct option *option, const char *value, struct options *o)
{
	uint64_t number;
	int r = text_number(value, UINT16_MAX, &number);

	if (r < 0)
		return r;
	*(int *)member(option, o) = (int)number;
	return 0;
}

static int take_duration(const struct option *option, const char *value, struct options *o)
{
	usec_t usec;
	int r = text_duration(value, &usec);

	if (r < 0 || usec > SPEC_DELAY_MAX_USEC)
		return -EINVAL;
	*(usec_t *)member(option, o) = usec;
	return 0;
}

static int take_flag(const struct option *option, const char *value, struct options *o)
{
	*(bool *)member(option, o) = true;
	return 0;
}

static int take_restart(const struct option *option, const char *value, struct options *o)
{
	static const char *const words[] = {"always", "on-failure", "never"};

	for (size_t i = 0; i < ARRAY_LEN(words); i++) {
		if (strcmp(value, words[i]) == 0) {
			o->spec.rule.restart = (enum machine_restart)i;
			return 0;
		}
	}
	return -EINVAL;
}

static int take_unit(const struct option *option, const char *value, struct options *o)
{
	static const char *const names[] = {
		[OPTIONS_UNIT_NONE] = "",
		[OPTIONS_UNIT_MAIN] = "--unit",
		[OPTIONS_UNIT_STOP] = "--unit-stop",
		[OPTIONS_UNIT_STOPPED] = "--unit-stopped",
	};

	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		if (strcmp(option->name, names[i]) == 0)
			o->unit = (enum options_unit)i;
	}
	return 0;
}

static int take_sweep(const struct option *option, const char *value, struct options *o)
{
	o->spec.is_sweeping_main = strcmp(value, "main") == 0;
	return o->spec.is_sweeping_main || strcmp(value, "tree") == 0 ? 0 : -EINVAL;
}

static int take_signal(const struct option *option, const char *value, struct options *o)
{
	static const struct {
		const char *name;
		int number;
	} signals[] = {
		{"HUP", SIGHUP},   {"INT", SIGINT},   {"QUIT", SIGQUIT}, {"KILL", SIGKILL},
		{"USR1", SIGUSR1}, {"USR2", SIGUSR2}, {"TERM", SIGTERM}, {"WINCH", SIGWINCH},
	};
	const char *name = text_starts(value, "SIG");
	uint64_t number;

	for (size_t i = 0; i < ARRAY_LEN(signals); i++) {
		if (strcmp(name ? name : value, signals[i].name) == 0) {
			o->spec.stop_signal = signals[i].number;
			return 0;
		}
	}
	if (text_number(value, 64, &number) < 0 || number < 1)
		return -EINVAL;
	o->spec.stop_signal = (int)number;
	return 0;
}

#define FIELD(member) .offset = offsetof(struct options, member)
#define FLAG(member) take_flag, FIELD(member), .is_flag = true

/* clang-format off */
static const struct option table[] = {
	{"--name", take_name, FIELD(spec.name)},
	{"--instance", take_number, FIELD(spec.instance)},
	{"--cwd", take_text, FIELD(spec.cwd)},
	{"--restart", take_restart},
	{"--oneshot", FLAG(is_oneshot)},
	{"--stop-signal", take_signal},
	{"--stop-timeout", take_duration, FIELD(spec.rule.stop_usec)},
	{"--delay", take_duration, FIELD(spec.rule.backoff.delay_usec)},
	{"--max-delay", take_duration, FIELD(spec.rule.backoff.max_delay_usec)},
	{"--max-restarts", take_number, FIELD(spec.rule.backoff.max_restarts)},
	{"--watchdog", take_duration, FIELD(spec.watchdog_usec)},
	{"--intake", take_text, FIELD(spec.intake)},
	{"--cgroup", take_text, FIELD(spec.cgroup)},
	{"--sweep", take_sweep},
	{"--unit", take_unit, .is_flag = true},
	{"--unit-stop", take_unit, .is_flag = true},
	{"--unit-stopped", take_unit, .is_flag = true},
	{"--relay", FLAG(is_relaying)},
	{"--spec", take_text, FIELD(spec_path)},
	{"--start", FLAG(is_starting)},
	{"--control", take_text, FIELD(control)},
	{"--control-fd", take_fd, FIELD(control_fd)},
	{"--resume-fd", take_fd, FIELD(resume_fd)},
	{"--help", FLAG(is_help)},
	{"-h", FLAG(is_help)},
	{"--version", FLAG(is_version)},
};
/* clang-format on */

static const char help[] =
	"usage: slicekeep-keeper [OPTION…] -- PROGRAM [ARG…]\n"
	"       slicekeep-keeper --spec FILE [--control-fd N] [--start]\n"
	"\n"
	"Run a program, restart it when it dies, and leave none of its processes behind.\n"
	"\n"
	"  --name NAME           what it is called in messages and in the log (keeper)\n"
	"  --instance N          slot, for the same (0)\n"
	"  --cwd DIR             folder to run in\n"
	"  --restart WHEN        always, on-failure or never (always)\n"
	"  --oneshot             run once; exit with its code, or 128 + the signal\n"
	"  --stop-signal SIGNAL  how it is asked to stop (TERM)\n"
	"  --stop-timeout TIME   then it is killed (10s)\n"
	"  --delay TIME          before the third restart in a row; doubles (100ms)\n"
	"  --max-delay TIME      longest delay (30s)\n"
	"  --max-restarts N      in a row, then give up (never)\n"
	"  --watchdog TIME       it must say WATCHDOG=1 at least this often\n"
	"  --intake PATH         the collector's socket; without it output is inherited\n"
	"  --control PATH        bind a control socket there\n"
	"  --cgroup DIR          run it in this cgroup v2 folder\n"
	"  --sweep tree|main     kill its whole tree after each end, or the program only (tree)\n"
	"  --unit                be the main process of a systemd unit; with --control\n"
	"  --unit-stop           be its ExecStop=, --unit-stopped its ExecStopPost=; the same\n"
	"  --relay               pass what it says (sd_notify) on to our own service manager\n"
	"  --help  --version\n"
	"\n"
	"TIME is like 500ms, 10s, 5m, 1h. Signals: TERM, INT: stop all and exit; HUP: read --spec\n"
	"again.\n";

static int wrong(struct spec_fault *fault, const char *option, const char *why)
{
	text_format(fault->text, sizeof(fault->text), "%s: %s (see --help)", option, why);
	return -EINVAL;
}

static int wrong_value(struct spec_fault *fault, const char *option, const char *value)
{
	char why[96];

	text_format(why, sizeof(why), "'%s' is not a value that it takes", value);
	return wrong(fault, option, why);
}

/* The option at *argv, whose name may end with "=VALUE"; moves *argv to the last word used. */
static int take_option(char ***argv, struct options *o, struct spec_fault *fault)
{
	char *word = **argv, *equals = strchr(word, '=');
	size_t len = equals ? (size_t)(equals - word) : strlen(word);

	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		const char *value = equals ? equals + 1 : NULL;

		if (strlen(table[i].name) != len || memcmp(table[i].name, word, len) != 0)
			continue;
		if (table[i].is_flag && value)
			return wrong(fault, table[i].name, "takes no value");
		if (!table[i].is_flag && !value)
			value = *++*argv;
		if (!table[i].is_flag && !value)
			return wrong(fault, table[i].name, "needs a value");
		if (table[i].take(&table[i], value, o) < 0)
			return wrong_value(fault, table[i].name, value);
		return 0;
	}
	return wrong(fault, word, "unknown option");
}

static int take_program(char **argv, char **env, struct spec *s, struct spec_fault *fault)
{
	s->argv = argv;
	s->env = reserve.env;
	for (; argv[s->n_argv]; s->n_argv++)
		;
	for (; *env; env++) {
		if (spec_is_own(*env))
			continue;
		if (s->n_env == SPEC_ENV_MAX) {
			text_copy(fault->text, sizeof(fault->text), "too many variables");
			return -E2BIG;
		}
		s->env[s->n_env++] = *env;
	}
	return 0;
}

static int check_whole(const struct options *o, struct spec_fault *fault)
{
	if (o->unit != OPTIONS_UNIT_NONE && !o->control)
		return wrong(fault, "--unit", "needs --control");
	if (o->unit == OPTIONS_UNIT_MAIN && (o->spec.cgroup || o->spec.is_sweeping_main))
		return wrong(fault, "--unit", "not together with --cgroup or --sweep=main");
	if (o->unit >= OPTIONS_UNIT_STOP)
		return o->spec_path || o->spec.n_argv > 0
			       ? wrong(fault, "--unit-stop", "takes --control only")
			       : 0;
	if (o->spec_path ? o->spec.n_argv > 0 : o->spec.n_argv == 0)
		return wrong(fault, "what is to run?", "give PROGRAM after -- or --spec FILE");
	if (o->control && o->control_fd >= 0)
		return wrong(fault, "--control", "not together with --control-fd");
	return 0;
}

int options_parse(char **argv, char **env, struct options *ret_options,
		  struct spec_fault *ret_fault)
{
	struct options o = {.argv = argv, .control_fd = -1, .resume_fd = -1};
	int r;

	spec_init(&o.spec);
	for (argv++; *argv && (*argv)[0] == '-' && strcmp(*argv, "--") != 0; argv++) {
		r = take_option(&argv, &o, ret_fault);
		if (r < 0)
			return r;
	}
	argv += *argv && strcmp(*argv, "--") == 0;
	r = *argv ? take_program(argv, env, &o.spec, ret_fault) : 0;
	if (r == 0 && !o.is_help && !o.is_version)
		r = check_whole(&o, ret_fault);
	if (r < 0)
		return r;
	o.spec.rule.is_oneshot = o.is_oneshot;
	*ret_options = o;
	return 0;
}

const char *options_help(void)
{
	return help;
}
