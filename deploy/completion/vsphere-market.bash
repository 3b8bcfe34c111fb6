_vsphere_market_completion() {
    local IFS=$'
'
    COMPREPLY=( $( env COMP_WORDS="${COMP_WORDS[*]}" \
                   COMP_CWORD=$COMP_CWORD \
                   _VSPHERE_MARKET_COMPLETE=complete_bash $1 ) )
    return 0
}

complete -o default -F _vsphere_market_completion vsphere-market
