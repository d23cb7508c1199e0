/** Programs whose version systeminformation can find; any other name would leave it waiting. */
export const SOFTWARE = (
  'apache bash bun deno docker dotnet fish gcc git java mongodb mysql nginx node npm openssl perl php pip pip3 pm2 ' +
  'postfix postgresql powershell python python3 redis tsc virtualbox yarn zsh'
).split(' ');
