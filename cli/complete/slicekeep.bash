# SPDX-License-Identifier: MIT
# bash completion for slicekeep(1) and cli(1): verbs, options, and the names of the services that there
# are. Everything is asked of the program itself, so nothing here can be out of date.

_slicekeep() {
	local program=$1 word=$2 verb=${COMP_WORDS[1]-} i

	COMPREPLY=()
	if ((COMP_CWORD == 1)); then
		mapfile -t COMPREPLY < <(compgen -W "$("$program" --complete-verbs 2>/dev/null)" -- "$word")
		return
	fi
	for ((i = 2; i < COMP_CWORD; i++)); do
		if [[ ${COMP_WORDS[i]} == -- ]]; then
			# A program of the user's own: add NAME -- PROGRAM ARGS
			if ((i + 1 == COMP_CWORD)); then
				mapfile -t COMPREPLY < <(compgen -c -- "$word")
			else
				mapfile -t COMPREPLY < <(compgen -f -- "$word")
			fi
			return
		fi
	done
	if [[ $word == -* ]]; then
		mapfile -t COMPREPLY < <(compgen -W "$("$program" --complete-options "$verb" 2>/dev/null)" -- "$word")
		return
	fi
	case ${COMP_WORDS[COMP_CWORD - 1]} in
	--cwd)
		mapfile -t COMPREPLY < <(compgen -d -- "$word")
		return
		;;
	--launcher)
		mapfile -t COMPREPLY < <(compgen -W 'auto direct systemd' -- "$word")
		return
		;;
	--level)
		mapfile -t COMPREPLY < <(compgen -W 'error warning notice info debug' -- "$word")
		return
		;;
	--stream)
		mapfile -t COMPREPLY < <(compgen -W 'out err event' -- "$word")
		return
		;;
	--user)
		mapfile -t COMPREPLY < <(compgen -u -- "$word")
		return
		;;
	esac
	case $verb in
	ls | log | why | events | start | stop | restart)
		mapfile -t COMPREPLY < <(compgen -W "$("$program" --complete-names 2>/dev/null)" -- "$word")
		;;
	signal)
		if ((COMP_CWORD == 2)); then
			mapfile -t COMPREPLY < <(compgen -W "$("$program" --complete-names 2>/dev/null)" -- "$word")
		else
			mapfile -t COMPREPLY < <(compgen -A signal -- "$word")
		fi
		;;
	config)
		if ((COMP_CWORD == 2)); then
			mapfile -t COMPREPLY < <(compgen -W "show check plan apply update $(
				"$program" --complete-names 2>/dev/null)" -- "$word")
		elif [[ ${COMP_WORDS[2]} == @(check|plan|apply) ]]; then
			mapfile -t COMPREPLY < <(compgen -f -- "$word")
		elif ((COMP_CWORD == 3)); then
			mapfile -t COMPREPLY < <(compgen -W 'get delete update' -- "$word")
		fi
		;;
	help)
		mapfile -t COMPREPLY < <(compgen -W "$("$program" --complete-verbs 2>/dev/null)" -- "$word")
		;;
	esac
}

complete -F _slicekeep slicekeep cli
